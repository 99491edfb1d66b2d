"""OpenVINO without its telemetry.

``import openvino`` sends an event to Google Analytics and writes an id to the user's home, without
asking. Without the package ``openvino_telemetry``, OpenVINO falls back to a stub that does nothing;
it is hidden here, before the import. So is ``openvino.tools.ovc``, which converts models of other
frameworks: OpenVINO does without, and it takes 45 ms and 10 MB. Import ``ov`` from here only.
"""

import sys

sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]
sys.modules["openvino.tools.ovc"] = None  # type: ignore[assignment]

import openvino as ov  # type: ignore[import-untyped]  # noqa: E402

__all__ = ["ov"]
