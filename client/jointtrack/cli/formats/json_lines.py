"""One JSON object a line for each photo."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jointtrack.cli import output
from jointtrack.cli.formats import Asked, PhotoError, error_details
from jointtrack.cli.formats.reading import compared
from jointtrack.types import DetectResult


class JsonPrinter:
    """The result as it is, with each normal range, and the file's name in place of an overlay."""

    def __init__(self, asked: Asked) -> None:
        self._asked = asked

    def found(self, photo: str, result: DetectResult, overlays: Mapping[str, Path]) -> None:
        value = result.to_dict()
        for person in value["people"]:
            for measurement in person["measurements"]:
                self._complete(measurement, overlays)
        output.print_json({"photo": photo, **value})

    def failed(self, photo: str, error: PhotoError) -> None:
        output.print_json({"photo": photo, "error": error_details(error)})

    def _complete(self, measurement: dict[str, Any], overlays: Mapping[str, Path]) -> None:
        name = measurement["name"]
        file = overlays.get(name)
        measurement["overlay"] = str(file) if file else None
        info = self._asked.measurements.get(name)
        measurement["normal"] = info.normal.to_dict() if info and info.normal else None
        for side in measurement["sides"].values():
            side["compared_to_normal"] = compared(side["value_deg"], info)
