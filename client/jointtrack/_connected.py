"""What all clients are before they open a channel: where to, with what, for how long."""

from collections.abc import Mapping
from typing import Self, Unpack

from jointtrack import _calls
from jointtrack._channel import (
    DEFAULT_RETRIES,
    DEFAULT_TARGET,
    DEFAULT_TIMEOUT_S,
    MAX_MESSAGE_BYTES,
    Compression,
    Connection,
    ConnectOptions,
    connection,
    options_from_env,
)
from jointtrack.tls import ClientCertificate, Tls


class Connected:
    """The base of both shells. ``JointTrackClient`` describes the parameters."""

    def __init__(
        self,
        target: str = DEFAULT_TARGET,
        *,
        api_key: str | None = None,
        tls: Tls = None,
        client_certificate: ClientCertificate | None = None,
        allow_cleartext_key: bool = False,
        timeout_s: float = DEFAULT_TIMEOUT_S,
        retries: int = DEFAULT_RETRIES,
        max_message_bytes: int = MAX_MESSAGE_BYTES,
        compression: Compression | None = None,
        channel_options: Mapping[str, str | int] | None = None,
    ) -> None:
        self._connection: Connection = connection(
            target,
            api_key=api_key,
            tls=tls,
            client_certificate=client_certificate,
            allow_cleartext_key=allow_cleartext_key,
            timeout_s=timeout_s,
            retries=retries,
            max_message_bytes=max_message_bytes,
            compression=compression,
            channel_options=channel_options,
        )
        self._use = _calls.Use()
        self._open()

    def _open(self) -> None:
        """Prepares the channel, as the shell needs it."""
        raise NotImplementedError

    @classmethod
    def from_env(cls, **options: Unpack[ConnectOptions]) -> Self:
        """From JOINTTRACK_TARGET and JOINTTRACK_API_KEY; ``options`` win over them.

        What is neither set nor given has its default.
        """
        return cls(**options_from_env(options))
