"""TLS files as gRPC takes them."""

from typing import TYPE_CHECKING

import grpc

if TYPE_CHECKING:
    from jointtrack_server.tls.files import TlsIdentity
    from jointtrack_server.tls.watch import WatchedTls


def server_credentials(tls: "WatchedTls") -> grpc.ServerCredentials:
    """Credentials that shake hands with what the files hold now.

    gRPC asks before every handshake, in a thread of its own. A new answer costs it a new OpenSSL
    context, so it gets one only when the files have changed. Keep the result as long as the server
    runs: gRPC holds no reference of its own.
    """
    handed = tls.identity

    def changed() -> grpc.ServerCertificateConfiguration | None:
        nonlocal handed
        identity = tls.identity
        if identity is handed:
            return None
        handed = identity
        return _configuration(identity)

    return grpc.dynamic_ssl_server_credentials(
        _configuration(handed),
        changed,  # type: ignore[arg-type]  # the stub does not know None, which is "no change"
        require_client_authentication=tls.asks_for_certificates,
    )


def _configuration(identity: "TlsIdentity") -> grpc.ServerCertificateConfiguration:
    return grpc.ssl_server_certificate_configuration(
        [(identity.key_pem, identity.chain_pem)], root_certificates=identity.client_ca_pem
    )
