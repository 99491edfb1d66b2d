"""What a server runs, knows and allows."""

from dataclasses import dataclass

from jointtrack.types.record import Record


@dataclass(frozen=True, slots=True)
class ModelInfo(Record):
    """A model: its square input in pixels a side, the most people it can return, and its origin."""

    name: str
    version: str
    input_size_px: int
    max_people: int
    tfhub_handle: str
    origin: str
    is_default: bool


@dataclass(frozen=True, slots=True)
class NormalRange(Record):
    """The range usually found in healthy people, in degrees. A reference, never a diagnosis."""

    min_deg: float
    max_deg: float
    source: str


@dataclass(frozen=True, slots=True)
class MeasurementInfo(Record):
    """One measurement described: its views (empty: any), what 0 and the positive sense are."""

    name: str
    title: str
    body_part: str
    views: tuple[str, ...]
    zero: str
    positive: str
    normal: NormalRange | None


@dataclass(frozen=True, slots=True)
class Limits(Record):
    """What the server accepts; ``StreamConfig`` and ``DetectOptions`` of the contract name them."""

    max_message_bytes: int
    max_image_bytes: int
    max_image_pixels: int
    max_people: int
    max_in_flight: int
    max_bad_frames: int
    max_queue: int


@dataclass(frozen=True, slots=True)
class ServerInfo(Record):
    """What the server runs, knows and allows."""

    server_version: str
    models: tuple[ModelInfo, ...]
    engine: str
    device: str
    precision: str
    engine_reason: str
    measurements: tuple[MeasurementInfo, ...]
    limits: Limits
