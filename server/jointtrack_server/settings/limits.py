"""What callers may send, and how long they may take."""

from pydantic import BaseModel, Field

from jointtrack_server.settings.numbers import Count, Seconds

MIB = 1024 * 1024


class LimitSettings(BaseModel):
    """A part of ``Settings``."""

    max_message_bytes: Count = Field(
        default=64 * MIB, ge=1024, description="Bytes of one gRPC message."
    )
    max_image_bytes: Count = Field(
        default=32 * MIB, ge=1024, description="Bytes of one encoded picture."
    )
    max_image_pixels: Count = Field(
        default=64_000_000, ge=1, description="Width times height of a picture."
    )
    max_in_flight: int = Field(
        default=32, ge=1, le=1024, description="Frames a stream may have at once."
    )
    max_bad_frames: Count = Field(
        default=100, ge=1, description="Bad frames in a row that end a stream."
    )
    max_streams_per_key: Count = Field(
        default=64, ge=1, description="Streams of one key that are open at once, in one process."
    )
    max_stream_idle_s: Seconds = Field(
        default=300.0, gt=0, description="Seconds without a message that end a stream."
    )
    max_stream_s: Seconds = Field(
        default=43_200.0, gt=0, description="Seconds that end any stream; the caller opens another."
    )
    max_head_bytes: Count = Field(
        default=16_384, ge=1024, description="Bytes of a call's metadata or an HTTP head."
    )
    max_connections: Count = Field(
        default=1024, ge=1, description="Connections open at once, gRPC and HTTP each."
    )
    max_calls_per_connection: Count = Field(
        default=256, ge=1, description="Calls of one gRPC connection at once; further ones wait."
    )
    max_connection_idle_s: Seconds = Field(
        default=900.0, gt=0, description="Seconds without a call that close a gRPC connection."
    )
    max_fields: Count = Field(default=64, ge=8, description="Fields of an HTTP body.")
    max_part_headers: Count = Field(
        default=8, ge=2, description="Headers of one part of a multipart body."
    )
    max_json_depth: int = Field(
        default=16,
        ge=2,
        le=200,
        description="Objects and lists inside each other in a JSON body.",
    )
    max_upload_bytes: int = Field(
        default=256 * MIB,
        ge=1024,
        le=2**50,
        description="Bytes of all HTTP bodies held at once, for one key half as many.",
    )
