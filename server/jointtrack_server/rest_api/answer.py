"""A detection to the documented JSON."""

import base64
from collections.abc import Mapping

from jointtrack_server.domain.skeleton import BOTH_SIDES, Joint, Side
from jointtrack_server.domain.types import Measurement, SideValue
from jointtrack_server.engines.base import EngineInfo
from jointtrack_server.imaging.encode import EncodedPicture
from jointtrack_server.measurements import MEASUREMENTS, MeasurementSpec, round_degrees
from jointtrack_server.pipeline.options import Detection, DetectOptions, Person
from jointtrack_server.rest_api.schema import JsonObject


def to_answer(
    detection: Detection, options: DetectOptions, engine: EngineInfo, include: frozenset[str]
) -> JsonObject:
    """The documented answer for the most prominent person, and what ``include`` adds.

    Asked for more people than one, "people" holds all of them.
    """
    assert detection.image is not None
    main = detection.people[0]
    answer: JsonObject = {
        "status": "ok",
        "image": _to_image(detection.image),
        **_to_person(main, include),
    }
    if options.max_people > 1:
        answer["people"] = [
            {"score": person.pose.score, "box": _to_box(person), **_to_person(person, include)}
            for person in detection.people
        ]
    if "details" in include:
        spec = options.model
        answer["model"] = {"name": spec.name, "version": spec.version, "engine": engine.name}
    return answer


def _to_person(person: Person, include: frozenset[str]) -> JsonObject:
    answer: JsonObject = {
        "measurements": [
            _to_measurement(one, include) | {"image": _to_image(person.overlays[one.name])}
            for one in person.measurements
        ]
    }
    if "keypoints" in include:
        rows = zip(Joint, person.pose.keypoints.tolist(), strict=True)
        answer["keypoints"] = [
            {"name": joint.api_name, "x": x_px, "y": y_px, "score": score}
            for joint, (x_px, y_px, score) in rows
        ]
    return answer


def _to_measurement(measurement: Measurement, include: frozenset[str]) -> JsonObject:
    spec = MEASUREMENTS[measurement.name]
    answer: JsonObject = {
        "name": spec.name,
        "title": spec.title,
        "bodyPart": spec.body_part,
        "value": {side.value: _rounded(measurement.sides.get(side)) for side in BOTH_SIDES},
    }
    if "details" in include:
        answer |= _to_details(measurement, spec)
    return answer


def _to_details(measurement: Measurement, spec: MeasurementSpec) -> JsonObject:
    sides = measurement.sides
    details: JsonObject = {
        "reasons": {
            side.value: {
                "code": value.reason.value,
                "keypoints": [joint.api_name for joint in value.missing_joints],
            }
            for side, value in sides.items()
            if value.reason
        },
        "warnings": [warning.value for warning in measurement.warnings],
        "confidence": {
            side.value: value.confidence
            for side, value in sides.items()
            if value.value_deg is not None
        },
        "view": measurement.view.value,
        "facing": measurement.facing.value if measurement.facing else None,
        "normal": {
            "min": spec.normal.min_deg,
            "max": spec.normal.max_deg,
            "source": spec.normal.source,
        },
    }
    components = _components(sides)
    return details | ({"components": components} if components else {})


def _components(sides: Mapping[Side, SideValue]) -> dict[str, float]:
    return {
        side.value: value.component_deg
        for side, value in sides.items()
        if value.component_deg is not None
    }


def _rounded(value: SideValue | None) -> int | None:
    if value is None or value.value_deg is None:
        return None
    return round_degrees(value.value_deg)


def _to_image(picture: EncodedPicture) -> JsonObject:
    text = base64.b64encode(picture.data).decode("ascii")
    return {
        "data": f"data:{picture.media_type};base64,{text}",
        "width": picture.size.width_px,
        "height": picture.size.height_px,
    }


def _to_box(person: Person) -> JsonObject:
    box = person.box
    return {
        "xMin": box.x_min_px,
        "yMin": box.y_min_px,
        "xMax": box.x_max_px,
        "yMax": box.y_max_px,
    }
