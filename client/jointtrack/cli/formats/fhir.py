"""FHIR R4: one Bundle a line for each photo, with an Observation for each measurement and side."""

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from uuid import NAMESPACE_URL, UUID, uuid5

from jointtrack.cli import output
from jointtrack.cli.formats import Asked, PhotoError, error_message
from jointtrack.cli.formats.fhir_codes import (
    DATA_ABSENT_REASON,
    MEASUREMENT_SYSTEM,
    OBSERVATION_CATEGORY,
    UCUM,
    Json,
    body_site,
    coding,
    degrees,
    measured_code,
)
from jointtrack.cli.formats.reading import range_text
from jointtrack.cli.words import NOBODY_FOUND, warning_text, why_missing
from jointtrack.errors import JointTrackError
from jointtrack.images import is_url
from jointtrack.types import (
    DetectResult,
    Measurement,
    MeasurementInfo,
    ModelInfo,
    NormalRange,
    SideValue,
)

NAMESPACE = uuid5(NAMESPACE_URL, MEASUREMENT_SYSTEM)
PATIENT = re.compile(r"(https?://\S+/)?Patient/[A-Za-z0-9.-]{1,64}|urn:uuid:[0-9a-f-]{36}")
ONE_ANGLE = ("midline", "both_legs")


@dataclass(frozen=True, slots=True)
class Context:
    """What the picture does not say.

    ``patient``: a reference such as "Patient/123". ``taken_at``: when the picture was taken, a FHIR
    dateTime. ``active_rom``: it shows the end of an active motion.
    """

    patient: str | None = None
    taken_at: str | None = None
    active_rom: bool = False


@dataclass(frozen=True, slots=True)
class _Source:
    """Where a photo's values are from: the picture, by its digest, and the software."""

    digest: str
    model: ModelInfo
    server_version: str

    @property
    def device_id(self) -> UUID:
        return _id("device", self.server_version, self.model.name, self.model.version)

    def id_of(self, measurement: str, side: str) -> UUID:
        return _id(self.digest, measurement, side, self.model.name, self.model.version)

    def device(self) -> Json:
        return {
            "resourceType": "Device",
            "id": str(self.device_id),
            "identifier": [_identifier(self.device_id)],
            "deviceName": [{"name": "JointTrack", "type": "user-friendly-name"}],
            "type": {"text": "Software that measures joint angles in pictures"},
            "version": [
                {"type": {"text": "Server"}, "value": self.server_version},
                {"type": {"text": self.model.name}, "value": self.model.version},
            ],
        }


class FhirPrinter:
    """No picture and no file name goes in: the lines are in the order of the photos."""

    def __init__(self, asked: Asked, context: Context) -> None:
        self._asked = asked
        self._context = context

    def found(self, photo: str, result: DetectResult, overlays: Mapping[str, Path]) -> None:
        if not result.people:
            output.print_json(_outcome("not-found", NOBODY_FOUND))
            return
        output.print_json(self._bundle(_digest(photo), result))

    def failed(self, photo: str, error: PhotoError) -> None:
        kind = "exception"
        if isinstance(error, JointTrackError) and error.code == "INVALID_ARGUMENT":
            kind = "invalid"
        output.print_json(_outcome(kind, error_message(error)))

    def _bundle(self, digest: str, result: DetectResult) -> Json:
        source = _Source(digest, result.model, self._asked.server_version)
        entries = [source.device()]
        for item in result.person.measurements:
            info = self._asked.measurements[item.name]
            for side in _sides(info, self._asked.sides):
                entries.append(self._observation(source, item, info, side))
        own_id = _id("bundle", *(str(entry["id"]) for entry in entries))
        return {
            "resourceType": "Bundle",
            "id": str(own_id),
            "identifier": _identifier(own_id),
            "type": "collection",
            "entry": [
                {"fullUrl": f"urn:uuid:{entry['id']}", "resource": entry} for entry in entries
            ],
        }

    def _observation(
        self, source: "_Source", item: Measurement, info: MeasurementInfo, side: str
    ) -> Json:
        own_id, model = source.id_of(item.name, side), source.model
        observation: Json = {
            "resourceType": "Observation",
            "id": str(own_id),
            "identifier": [_identifier(own_id)],
            # Software measured it and nobody has judged it yet: that is not "final".
            "status": "preliminary",
            "category": [{"coding": [coding(OBSERVATION_CATEGORY, "exam", "Exam")]}],
            "code": measured_code(info, side, active_rom=self._context.active_rom),
            **self._of_whom_and_when(),
            **_value(item.sides[side]),
            "bodySite": body_site(info, side),
            "method": {"text": f"Pose estimation in one picture ({model.name} {model.version})"},
            "device": {"reference": f"urn:uuid:{source.device_id}", "display": "JointTrack"},
        }
        if item.warnings:
            observation["note"] = [{"text": warning_text(warning)} for warning in item.warnings]
        if info.normal is not None:
            observation["referenceRange"] = [_reference_range(info.normal)]
        if components := list(_components(item, info, side)):
            observation["component"] = components
        return observation

    def _of_whom_and_when(self) -> Json:
        found: Json = {}
        if self._context.patient is not None:
            found["subject"] = {"reference": self._context.patient}
        if self._context.taken_at is not None:
            found["effectiveDateTime"] = self._context.taken_at
        return found


def checked_patient(text: str) -> str:
    """A reference to a Patient; ValueError, with what one looks like, for anything else."""
    if not PATIENT.fullmatch(text):
        raise ValueError(f"{text!r} refers to no patient: write it as Patient/123.")
    return text


def checked_time(text: str) -> str:
    """A FHIR dateTime: a date, or a time with its zone; ValueError for anything else."""
    try:
        if len(text) == len("2026-01-31"):
            return date.fromisoformat(text).isoformat()
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise ValueError(
            f"{text!r} is no date, 2026-01-31, and no time with its zone, "
            "2026-01-31T09:30:00+01:00."
        )
    return moment.isoformat(timespec="seconds")


def _sides(info: MeasurementInfo, sides: tuple[str, ...]) -> tuple[str, ...]:
    """One angle that holds for both sides is one Observation."""
    return sides[:1] if info.kind in ONE_ANGLE else sides


def _value(value: SideValue) -> Json:
    if value.value_deg is not None:
        return {"valueQuantity": degrees(value.value_deg)}
    unknown = coding(DATA_ABSENT_REASON, "unknown", "Unknown")
    return {"dataAbsentReason": {"coding": [unknown], "text": why_missing(value)}}


def _reference_range(normal: NormalRange) -> Json:
    return {
        "low": degrees(normal.min_deg),
        "high": degrees(normal.max_deg),
        "text": f"{range_text(normal)} degrees; {normal.source}",
    }


def _components(item: Measurement, info: MeasurementInfo, side: str) -> Iterator[Json]:
    confidence = item.sides[side].confidence
    if confidence is not None:
        amount = {"value": round(confidence, 3), "unit": "1", "system": UCUM, "code": "1"}
        concept = {"coding": [coding(MEASUREMENT_SYSTEM, "confidence", "Confidence, 0 to 1")]}
        yield {"code": concept, "valueQuantity": amount}
    if info.kind == "both_legs":
        for leg, value in item.sides.items():
            if value.component_deg is not None:
                own = coding(MEASUREMENT_SYSTEM, f"{info.name}_{leg}", f"{info.title}, {leg} leg")
                yield {"code": {"coding": [own]}, "valueQuantity": degrees(value.component_deg)}


def _outcome(kind: str, message: str) -> Json:
    issue = {"severity": "error", "code": kind, "diagnostics": message}
    return {"resourceType": "OperationOutcome", "issue": [issue]}


def _identifier(own_id: UUID) -> Json:
    return {"system": "urn:ietf:rfc:3986", "value": f"urn:uuid:{own_id}"}


def _digest(photo: str) -> str:
    """The same for the same picture, so that what is sent twice is known as one."""
    data = photo.encode() if is_url(photo) else Path(photo).read_bytes()
    return hashlib.sha256(data).hexdigest()


def _id(*parts: str) -> UUID:
    return uuid5(NAMESPACE, "/".join(parts))
