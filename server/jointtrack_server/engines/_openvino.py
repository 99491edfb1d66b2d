"""OpenVINO without its telemetry.

``import openvino`` sends an event to Google Analytics and writes an id to the user's home, without
asking. Without the package ``openvino_telemetry``, OpenVINO falls back to a stub that does nothing;
it is hidden here, before the import. Import ``ov`` from here only.
"""

import sys

sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]

import openvino as ov  # type: ignore[import-untyped]  # noqa: E402

__all__ = ["ov"]
