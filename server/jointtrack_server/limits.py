"""The settings, as the limits of each part."""

from google.protobuf.duration_pb2 import Duration

from jointtrack.v1 import jointtrack_service_pb2 as service_pb2
from jointtrack_server.fetching.rules import FetchRules
from jointtrack_server.grpc_api.options import GrpcLimits, Keepalive
from jointtrack_server.imaging.decode import ImageLimits
from jointtrack_server.pipeline.frames import StreamLimits
from jointtrack_server.pipeline.options import MAX_PEOPLE
from jointtrack_server.rest_api.fields import BodyLimits
from jointtrack_server.rest_api.live_messages import HEAD
from jointtrack_server.rest_api.protocol import HttpLimits
from jointtrack_server.settings import Settings


def image_limits(settings: Settings) -> ImageLimits:
    return ImageLimits(settings.max_image_bytes, settings.max_image_pixels)


def stream_limits(settings: Settings) -> StreamLimits:
    return StreamLimits(settings.max_bad_frames, settings.max_stream_idle_s, settings.max_stream_s)


def http_limits(settings: Settings) -> HttpLimits:
    return HttpLimits(
        settings.http_timeout_s,
        settings.max_head_bytes,
        settings.max_connections,
        max_frame_bytes=settings.max_image_bytes + HEAD.size,
    )


def grpc_limits(settings: Settings) -> GrpcLimits:
    return GrpcLimits(
        max_message_bytes=settings.max_message_bytes,
        max_metadata_bytes=settings.max_head_bytes,
        max_connections=settings.max_connections,
        max_calls_per_connection=settings.max_calls_per_connection,
        handshake_s=settings.http_timeout_s,
        idle_s=settings.max_connection_idle_s,
    )


def keepalive(settings: Settings) -> Keepalive:
    return Keepalive(
        time_s=settings.keepalive_s,
        timeout_s=settings.keepalive_timeout_s,
        without_calls=settings.keepalive_without_calls,
        min_ping_interval_s=settings.min_ping_interval_s,
        max_age_s=settings.max_connection_age_s,
        age_grace_s=settings.max_connection_grace_s,
    )


def fetch_rules(settings: Settings) -> FetchRules:
    return FetchRules(
        max_bytes=settings.max_image_bytes,
        enabled=settings.fetch_urls,
        hosts=settings.fetch_hosts,
        ports=settings.fetch_ports,
        networks=settings.fetch_private,
        timeout_s=settings.fetch_timeout_s,
        max_fetches=settings.max_fetches,
    )


def body_limits(settings: Settings) -> BodyLimits:
    return BodyLimits(
        max_image_bytes=settings.max_image_bytes,
        max_fields=settings.max_fields,
        max_part_headers=settings.max_part_headers,
        max_part_header_bytes=settings.max_head_bytes,
        max_json_depth=settings.max_json_depth,
    )


def limits_pb(settings: Settings) -> service_pb2.Limits:
    """What callers are told of them."""
    return service_pb2.Limits(
        max_message_bytes=settings.max_message_bytes,
        max_image_bytes=settings.max_image_bytes,
        max_image_pixels=settings.max_image_pixels,
        max_people=MAX_PEOPLE,
        max_in_flight=settings.max_in_flight,
        max_bad_frames=settings.max_bad_frames,
        max_queue=settings.max_queue,
        max_streams_per_key=settings.max_streams_per_key,
        max_stream_idle=_duration_pb(settings.max_stream_idle_s),
        max_stream_duration=_duration_pb(settings.max_stream_s),
        fetches_urls=settings.fetch_urls,
        fetch_timeout=_duration_pb(settings.fetch_timeout_s),
        max_fields=settings.max_fields,
        max_part_headers=settings.max_part_headers,
        max_json_depth=settings.max_json_depth,
        max_head_bytes=settings.max_head_bytes,
        max_connections=settings.max_connections,
        max_calls_per_connection=settings.max_calls_per_connection,
        max_connection_idle=_duration_pb(settings.max_connection_idle_s),
        max_upload_bytes=settings.max_upload_bytes,
        max_fetches=settings.max_fetches,
    )


def _duration_pb(seconds: float) -> Duration:
    return Duration(seconds=int(seconds), nanos=round(seconds % 1 * 1e9))
