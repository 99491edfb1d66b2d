"""Every metric of the server: name, type, labels, meaning. docs/metrics.md is made from it."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

REQUEST_BUCKETS_S = (0.002, 0.005, 0.01, 0.02, 0.035, 0.05, 0.075, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30)
"""A picture takes 5 ms alone and a second under load; a caller waits no longer than 30 s."""

STAGE_BUCKETS_S = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)

STREAM_BUCKETS_S = (1, 10, 60, 300, 900, 3600, 4 * 3600, 12 * 3600)
"""From a try to the longest that a stream may last (``max_stream_s``)."""

PEOPLE_BUCKETS = (0, 1, 2, 3, 4, 5, 6)


class Kind(StrEnum):
    """As Prometheus knows them; an info is a gauge that is always 1."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"
    INFO = "info"


@dataclass(frozen=True, slots=True)
class Spec:
    """One metric, named as in /metrics; a histogram without its suffixes.

    ``together`` is how the values of several server processes become one:
    ``multiprocess_mode`` of prometheus_client's gauges.
    """

    name: str
    kind: Kind
    meaning: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()
    together: Literal["livesum", "livemin"] = "livesum"


REQUESTS = Spec(
    "jointtrack_requests_total",
    Kind.COUNTER,
    "Requests answered; code is OK or the reason of the error.",
    ("door", "method", "code"),
)
REQUEST_DURATION = Spec(
    "jointtrack_request_duration_seconds",
    Kind.HISTOGRAM,
    "From a request's arrival to its answer, streams left out.",
    ("door", "method"),
    REQUEST_BUCKETS_S,
)
REQUESTS_IN_FLIGHT = Spec(
    "jointtrack_requests_in_flight",
    Kind.GAUGE,
    "Requests under way, open streams among them.",
    ("door",),
)

QUEUE_DEPTH = Spec("jointtrack_queue_depth", Kind.GAUGE, "Work waiting for a worker.")
QUEUE_LIMIT = Spec(
    "jointtrack_queue_limit", Kind.GAUGE, "Work that may wait before callers are refused."
)
WORKERS = Spec("jointtrack_workers", Kind.GAUGE, "Threads that decode, infer and draw.")
WORKERS_BUSY = Spec("jointtrack_workers_busy", Kind.GAUGE, "Workers that work.")
OVERLOADS = Spec(
    "jointtrack_overloads_total",
    Kind.COUNTER,
    "Work refused because the queue was full, or evicted from it for somebody who waits with less.",
    ("outcome",),
)
STAGE_DURATION = Spec(
    "jointtrack_stage_duration_seconds",
    Kind.HISTOGRAM,
    "Stages of a picture or of a stream's frame: queue (the wait for a worker), fetch, decode, "
    "infer, measure, overlay.",
    ("stage", "kind"),
    STAGE_BUCKETS_S,
)

STREAMS_OPEN = Spec("jointtrack_streams_open", Kind.GAUGE, "Streams of frames that are open.")
STREAM_DURATION = Spec(
    "jointtrack_stream_duration_seconds",
    Kind.HISTOGRAM,
    "From a stream's begin to its end.",
    buckets=STREAM_BUCKETS_S,
)
FRAMES = Spec(
    "jointtrack_frames_total",
    Kind.COUNTER,
    "Frames of streams; code is OK, DROPPED or the reason of the error.",
    ("code",),
)
FRAME_DURATION = Spec(
    "jointtrack_frame_duration_seconds",
    Kind.HISTOGRAM,
    "From a frame's arrival to its answer, dropped and bad ones left out.",
    buckets=REQUEST_BUCKETS_S,
)

PEOPLE = Spec(
    "jointtrack_people_per_picture",
    Kind.HISTOGRAM,
    "People found in a picture or frame; le=0 counts those in which nobody was.",
    ("kind",),
    PEOPLE_BUCKETS,
)
MEASUREMENTS = Spec(
    "jointtrack_measurements_total",
    Kind.COUNTER,
    "Sides of the body that were to be measured; outcome is measured or the reason why not.",
    ("measurement", "outcome"),
)

KEY_PICTURES = Spec(
    "jointtrack_key_pictures_total",
    Kind.COUNTER,
    "Pictures and frames charged to an API key, by its public id.",
    ("key_id",),
)
REFUSALS = Spec(
    "jointtrack_access_refusals_total",
    Kind.COUNTER,
    "Requests and streams that a key, or its want, kept out or ended.",
    ("reason",),
)

BUILD = Spec("jointtrack_build_info", Kind.INFO, "The server's version.", ("version",))
ENGINE = Spec(
    "jointtrack_engine_info",
    Kind.INFO,
    "What runs the models, and why.",
    ("engine", "device", "precision", "reason"),
)
MODEL = Spec(
    "jointtrack_model_info",
    Kind.INFO,
    "The models that can be asked for, and where their weights are from.",
    ("model", "version", "origin"),
)
MODELS_LOADED = Spec(
    "jointtrack_models_loaded",
    Kind.GAUGE,
    "Server processes that have the model in memory, their own or that of a replica.",
    ("model", "version"),
)
STEPS_REPEATED = Spec(
    "jointtrack_steps_repeated_total",
    Kind.COUNTER,
    "Inferences sent again because a replica was gone or did not answer; 0 without Ray.",
    ("model",),
)
SERVER_STATE = Spec(
    "jointtrack_server_state",
    Kind.GAUGE,
    "Server processes that are starting, serving or draining.",
    ("state",),
)
CERTIFICATE_EXPIRY = Spec(
    "jointtrack_tls_certificate_expiry_timestamp_seconds",
    Kind.GAUGE,
    "When the TLS certificate in use ends, in Unix time; left out without TLS.",
    together="livemin",
)
THREADS = Spec("jointtrack_process_threads", Kind.GAUGE, "Threads of the operating system.")
REPLACEMENTS = Spec(
    "jointtrack_process_replacements_total",
    Kind.COUNTER,
    "Server processes that died and were started anew; left out without --processes.",
)

SPECS = tuple(one for one in list(globals().values()) if isinstance(one, Spec))
