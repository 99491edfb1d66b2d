"""What the Grafana dashboard shows: numbers on top, then rows of graphs."""

from typing import NamedTuple

SERVER_FAULTS = "INTERNAL|OVERLOADED|STORE_UNAVAILABLE|DEADLINE_EXCEEDED"
PICTURES = ', method=~"Detect|.*/detect"'


class Query(NamedTuple):
    """PromQL in which $where stands for the servers chosen, and what its series are called."""

    promql: str
    legend: str


class Graph(NamedTuple):
    """A panel over time; ``unit`` is Grafana's name of one."""

    title: str
    meaning: str
    unit: str
    queries: list[Query]
    stacked: bool = False
    highest: float | None = None


class Number(NamedTuple):
    """A panel with one number."""

    title: str
    meaning: str
    unit: str
    promql: str


def total(metric: str, by: str) -> Query:
    return Query(f"sum by ({by}) ({metric}{{$where}})", f"{{{{{by}}}}}")


def rate(counter: str, by: str, more: str = "") -> Query:
    rates = f"rate({counter}{{$where{more}}}[$__rate_interval])"
    return Query(f"sum by ({by}) ({rates})", f"{{{{{by}}}}}")


def ratio(above: str, below: str, by: str, more: str = "", more_above: str = "") -> Query:
    upper, lower = rate(above, by, more + more_above), rate(below, by, more)
    return Query(f"{upper.promql} / {lower.promql}", upper.legend)


def mean(histogram: str, by: str, more: str = "") -> Query:
    return ratio(f"{histogram}_sum", f"{histogram}_count", by, more)


def quantile(share: float, histogram: str, by: str = "", more: str = "") -> Query:
    rates = rate(f"{histogram}_bucket", f"le, {by}" if by else "le", more)
    legend = f"{{{{{by}}}}}" if by else f"p{share * 100:g}"
    return Query(f"histogram_quantile({share}, {rates.promql})", legend)


def quantiles(histogram: str, more: str = "") -> list[Query]:
    return [quantile(share, histogram, more=more) for share in (0.5, 0.95, 0.99)]


def of_process(promql: str, what: str = "") -> Query:
    return Query(promql, f"{{{{instance}}}} {{{{process}}}} {what}".rstrip())


REQUESTS, DURATION = "jointtrack_requests_total", "jointtrack_request_duration_seconds"
STAGES, PEOPLE = "jointtrack_stage_duration_seconds", "jointtrack_people_per_picture"
MEASUREMENTS = "jointtrack_measurements_total"
IN_A_SECOND = "[$__rate_interval]"

NUMBERS = (
    Number(
        "Serving",
        "Server processes that take requests.",
        "short",
        'sum(jointtrack_server_state{$where, state="serving"})',
    ),
    Number(
        "Pictures and frames",
        "Answered in a second.",
        "ops",
        f"sum(rate({PEOPLE}_count{{$where}}{IN_A_SECOND}))",
    ),
    Number(
        "Server errors",
        "Share of the requests that failed for no fault of the caller's.",
        "percentunit",
        f'(sum(rate({REQUESTS}{{$where, code=~"{SERVER_FAULTS}"}}{IN_A_SECOND})) or vector(0)) '
        f"/ sum(rate({REQUESTS}{{$where}}{IN_A_SECOND}))",
    ),
    Number(
        "Pictures, p95",
        "Nineteen of twenty are answered within.",
        "s",
        quantile(0.95, DURATION, more=PICTURES).promql,
    ),
    Number("Queue", "Work waiting for a worker.", "short", "sum(jointtrack_queue_depth{$where})"),
    Number(
        "Certificate",
        "Until the first TLS certificate ends.",
        "s",
        "min(jointtrack_tls_certificate_expiry_timestamp_seconds{$where}) - time()",
    ),
)

TRAFFIC = (
    Graph(
        "Requests by code",
        "OK, or the reason of the error.",
        "reqps",
        [rate(REQUESTS, "code")],
        stacked=True,
    ),
    Graph(
        "Requests by method",
        "Paths of the REST door, methods of the gRPC door.",
        "reqps",
        [rate(REQUESTS, "method")],
        stacked=True,
    ),
    Graph(
        "In flight",
        "Requests under way, open streams among them.",
        "short",
        [total("jointtrack_requests_in_flight", "door")],
    ),
)

LATENCY = (
    Graph(
        "Pictures",
        "From a request's arrival to its answer.",
        "s",
        quantiles(DURATION, PICTURES),
    ),
    Graph("All requests, p95", "Streams left out.", "s", [quantile(0.95, DURATION, "method")]),
    Graph(
        "Frames",
        "From a frame's arrival to its answer.",
        "s",
        quantiles("jointtrack_frame_duration_seconds"),
    ),
)

QUEUE = (
    Graph(
        "Waiting",
        "Work in the queue, and how much it holds.",
        "short",
        [
            Query("sum(jointtrack_queue_depth{$where})", "waiting"),
            Query("sum(jointtrack_queue_limit{$where})", "limit"),
        ],
    ),
    Graph(
        "Workers",
        "Threads that work, and all of them.",
        "short",
        [
            Query("sum(jointtrack_workers_busy{$where})", "busy"),
            Query("sum(jointtrack_workers{$where})", "all"),
        ],
    ),
    Graph(
        "Overload",
        "Refused, or put out of the queue for somebody who waits with less.",
        "ops",
        [rate("jointtrack_overloads_total", "outcome")],
    ),
)

STAGE_GRAPHS = (
    Graph(
        "Pictures, mean",
        "Where the time goes.",
        "s",
        [mean(STAGES, "stage", ', kind="picture"')],
        stacked=True,
    ),
    Graph(
        "Pictures, p95",
        "Each stage by itself.",
        "s",
        [quantile(0.95, STAGES, "stage", ', kind="picture"')],
    ),
    Graph(
        "Frames, mean",
        "Where the time goes.",
        "s",
        [mean(STAGES, "stage", ', kind="frame"')],
        stacked=True,
    ),
)

STREAMS = (
    Graph("Open", "Streams of frames.", "short", [total("jointtrack_streams_open", "instance")]),
    Graph(
        "Frames",
        "OK, DROPPED, or the reason of the error.",
        "ops",
        [rate("jointtrack_frames_total", "code")],
        stacked=True,
    ),
    Graph(
        "Life of a stream",
        "Of those that ended.",
        "s",
        quantiles("jointtrack_stream_duration_seconds"),
    ),
)

PEOPLE_GRAPHS = (
    Graph(
        "Nobody found",
        "Share of the pictures and frames.",
        "percentunit",
        [ratio(f"{PEOPLE}_bucket", f"{PEOPLE}_count", "kind", more_above=', le="0.0"')],
        highest=1,
    ),
    Graph(
        "Measured",
        "Share of the sides that were asked for.",
        "percentunit",
        [ratio(MEASUREMENTS, MEASUREMENTS, "measurement", more_above=', outcome="measured"')],
        highest=1,
    ),
    Graph(
        "Not measured",
        "Sides, by the reason why not.",
        "ops",
        [rate(MEASUREMENTS, "outcome", ', outcome!="measured"')],
        stacked=True,
    ),
)

KEYS = (
    Graph(
        "Pictures and frames by key",
        "The keys' public ids.",
        "ops",
        [rate("jointtrack_key_pictures_total", "key_id")],
        stacked=True,
    ),
    Graph(
        "Refused",
        "For want of a key, of a scope, by rate or quota, for too many streams.",
        "ops",
        [rate("jointtrack_access_refusals_total", "reason")],
        stacked=True,
    ),
)

PROCESSES = (
    Graph("Memory", "Resident.", "bytes", [of_process("process_resident_memory_bytes{$where}")]),
    Graph(
        "CPU",
        "Seconds in a second: 1 is a whole core.",
        "short",
        [of_process(f"rate(process_cpu_seconds_total{{$where}}{IN_A_SECOND})")],
    ),
    Graph(
        "File descriptors and threads",
        "A leak is a line that never falls.",
        "short",
        [
            of_process("process_open_fds{$where}", "descriptors"),
            of_process("jointtrack_process_threads{$where}", "threads"),
        ],
    ),
    Graph("State", "Processes.", "short", [total("jointtrack_server_state", "state")]),
    Graph("Models in memory", "Processes.", "short", [total("jointtrack_models_loaded", "model")]),
    Graph(
        "Steps repeated",
        "Inferences sent to another replica of Ray.",
        "ops",
        [rate("jointtrack_steps_repeated_total", "model")],
    ),
    Graph(
        "Replaced",
        "Server processes that died and were started anew.",
        "ops",
        [rate("jointtrack_process_replacements_total", "instance")],
    ),
)

ROWS = {
    "Traffic": TRAFFIC,
    "Latency": LATENCY,
    "Queue": QUEUE,
    "Stages": STAGE_GRAPHS,
    "Streams": STREAMS,
    "People and measurements": PEOPLE_GRAPHS,
    "Keys": KEYS,
    "Processes": PROCESSES,
}
