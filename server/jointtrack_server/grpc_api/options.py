"""The limits and keepalive of gRPC connections, as gRPC core takes them."""

from dataclasses import dataclass

Options = list[tuple[str, int]]

_MAX_PING_STRIKES = 2


@dataclass(frozen=True, slots=True)
class GrpcLimits:
    """``handshake_s`` is for a connection to speak TLS and HTTP/2, ``idle_s`` for it to have no
    call; ``max_metadata_bytes`` is for one call."""

    max_message_bytes: int
    max_metadata_bytes: int
    max_connections: int
    max_calls_per_connection: int
    handshake_s: float
    idle_s: float

    @property
    def options(self) -> Options:
        """As gRPC core names them."""
        return [
            ("grpc.max_receive_message_length", self.max_message_bytes),
            ("grpc.max_send_message_length", self.max_message_bytes),
            # Between the two, gRPC would refuse calls at random.
            ("grpc.max_metadata_size", self.max_metadata_bytes),
            ("grpc.absolute_max_metadata_size", self.max_metadata_bytes),
            ("grpc.max_allowed_incoming_connections", self.max_connections),
            ("grpc.max_concurrent_streams", self.max_calls_per_connection),
            ("grpc.server_handshake_timeout_ms", _ms(self.handshake_s)),
            ("grpc.max_connection_idle_ms", _ms(self.idle_s)),
        ]


@dataclass(frozen=True, slots=True)
class Keepalive:
    """A connection is pinged after ``time_s`` of silence and closed when nothing comes within
    ``timeout_s``; callers may ping every ``min_ping_interval_s``. After ``max_age_s`` it takes no
    more calls, those under way have ``age_grace_s`` to end; ``None`` for no limit."""

    time_s: float
    timeout_s: float
    without_calls: bool
    min_ping_interval_s: float
    max_age_s: float | None
    age_grace_s: float | None

    @property
    def options(self) -> Options:
        """As gRPC core names them."""
        options = [
            ("grpc.keepalive_time_ms", _ms(self.time_s)),
            ("grpc.keepalive_timeout_ms", _ms(self.timeout_s)),
            # The one above is for connections whose caller owes a message.
            ("grpc.http2.ping_timeout_ms", _ms(self.timeout_s)),
            ("grpc.keepalive_permit_without_calls", int(self.without_calls)),
            ("grpc.http2.min_ping_interval_without_data_ms", _ms(self.min_ping_interval_s)),
            ("grpc.http2.max_ping_strikes", _MAX_PING_STRIKES),
        ]
        if self.max_age_s is not None:
            options.append(("grpc.max_connection_age_ms", _ms(self.max_age_s)))
        if self.age_grace_s is not None:
            options.append(("grpc.max_connection_age_grace_ms", _ms(self.age_grace_s)))
        return options


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
