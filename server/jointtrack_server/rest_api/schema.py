"""The documented JSON, described. ``answer`` fills it; unset members are left out."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.json_schema import SkipJsonSchema
from typing_extensions import TypedDict

from jointtrack_server.domain.types import Facing, MissingReason, View, Warning

JsonObject = dict[str, Any]

INCLUDES = ("keypoints", "details")
"""What "include" may ask for beyond the documented answer."""

Absent = SkipJsonSchema[None]
"""What may be missing, but is never null."""


class _Answer(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Picture(_Answer):
    """A JPEG as a data URI, upright and without EXIF, and its size in pixels."""

    data: str
    width: int
    height: int


class Value(_Answer):
    """Whole degrees of the subject's sides; null where not measurable or not asked for."""

    left: int | None
    right: int | None


class MissingValue(_Answer):
    """Why a side has no value, and the keypoints that lack."""

    code: MissingReason
    keypoints: list[str]


class SideReasons(TypedDict, total=False):
    """Of the sides that were asked for and have no value."""

    __pydantic_config__ = ConfigDict(extra="forbid")  # type: ignore[misc]

    left: MissingValue
    right: MissingValue


class SideNumbers(TypedDict, total=False):
    """Of the sides that have a value."""

    __pydantic_config__ = ConfigDict(extra="forbid")  # type: ignore[misc]

    left: float
    right: float


class NormalRange(_Answer):
    """The range usually found in healthy people, in degrees, and where it is from."""

    min: float
    max: float
    source: str


class MeasurementAnswer(_Answer):
    """One measurement, with its angle drawn into the picture.

    From "reasons" on: with include=details. "confidence" is the lowest score of the keypoints used.
    "components", of splits only, is each thigh's angle to the trunk line, in degrees.
    """

    name: str
    title: str
    bodyPart: str  # noqa: N815  # the documented name
    value: Value
    image: Picture
    reasons: SideReasons = {}
    warnings: list[Warning] = []
    confidence: SideNumbers = {}
    view: View | Absent = None
    facing: Facing | None = None
    normal: NormalRange | Absent = None
    components: SideNumbers = {}


class Keypoint(_Answer):
    """A joint's place in pixels of the upright picture; score 0..1."""

    name: str
    x: float
    y: float
    score: float


class Box(_Answer):
    """Around a person, in pixels of the upright picture."""

    xMin: float  # noqa: N815
    yMin: float  # noqa: N815
    xMax: float  # noqa: N815
    yMax: float  # noqa: N815


class PersonAnswer(_Answer):
    """One of several people; "score" is the mean of the keypoints' scores."""

    score: float
    box: Box
    measurements: list[MeasurementAnswer]
    keypoints: list[Keypoint] = []


class ModelUsed(_Answer):
    """The model and version that found the keypoints, and the engine that ran it."""

    name: str
    version: str
    engine: str


class DetectAnswer(_Answer):
    """The answer to POST /detect, of the most prominent person.

    "keypoints": with include=keypoints. "people": with people above 1, most prominent first.
    "model": with include=details.
    """

    status: Literal["ok"]
    image: Picture
    measurements: list[MeasurementAnswer]
    keypoints: list[Keypoint] = []
    people: list[PersonAnswer] = []
    model: ModelUsed | Absent = None


class ErrorBody(_Answer):
    """What is wrong and what to do. "field" is the request's field at fault, where there is one."""

    code: str = Field(examples=["unknown_measurement"])
    message: str
    field: str | Absent = Field(default=None, examples=["measurement"])
    requestId: str  # noqa: N815  # the documented name


class ErrorAnswer(_Answer):
    """The answer when something is wrong."""

    status: Literal["error"]
    error: ErrorBody


class State(_Answer):
    """The answer of the health checks."""

    status: Literal["ok"]
