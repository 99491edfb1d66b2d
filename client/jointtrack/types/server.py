"""What a server runs, knows and allows."""

from dataclasses import dataclass

from jointtrack.types.record import Record


@dataclass(frozen=True, slots=True, repr=False)
class ModelInfo(Record):
    """A model: its square input in pixels a side, the most people it can return, and its origin."""

    name: str
    version: str
    input_size_px: int
    max_people: int
    tfhub_handle: str
    origin: str
    is_default: bool


@dataclass(frozen=True, slots=True, repr=False)
class NormalRange(Record):
    """The range usually found in healthy people, in degrees. A reference, never a diagnosis."""

    min_deg: float
    max_deg: float
    source: str


@dataclass(frozen=True, slots=True, repr=False)
class MeasurementInfo(Record):
    """One measurement described: its views (empty: any), what 0 and the positive sense are.

    ``kind``: what left and right are. "limb": the subject's own limbs. "direction": bending towards
    that side, one angle and its negative. "midline" and "both_legs": one angle, the same under
    both. None from a server that does not say.
    """

    name: str
    title: str
    body_part: str
    views: tuple[str, ...]
    zero: str
    positive: str
    normal: NormalRange | None
    kind: str | None = None


@dataclass(frozen=True, slots=True, repr=False)
class Limits(Record):
    """What the server accepts; the contract's message of this name describes each."""

    max_message_bytes: int
    max_image_bytes: int
    max_image_pixels: int
    max_people: int
    max_in_flight: int
    max_bad_frames: int
    max_queue: int
    max_streams_per_key: int
    max_stream_idle_s: float
    max_stream_duration_s: float
    fetches_urls: bool
    fetch_timeout_s: float
    max_fields: int
    max_part_headers: int
    max_json_depth: int
    max_head_bytes: int
    max_connections: int
    max_calls_per_connection: int
    max_connection_idle_s: float
    max_upload_bytes: int
    max_fetches: int


@dataclass(frozen=True, slots=True, repr=False)
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
