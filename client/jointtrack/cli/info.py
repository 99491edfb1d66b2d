"""``jointtrack info``."""

from jointtrack.cli import connect, output, tables
from jointtrack.errors import JointTrackError


def info(
    *,
    json: connect.Json = False,
    target: connect.Target = connect.DEFAULT_TARGET,
    api_key: connect.ApiKey = None,
    tls: connect.Tls = None,
    ca_file: connect.CaFile = None,
    cert_file: connect.CertFile = None,
    key_file: connect.KeyFile = None,
    allow_cleartext_key: connect.AllowCleartextKey = False,
    timeout: connect.Timeout = connect.DEFAULT_TIMEOUT_S,
) -> None:
    """Say what the server runs, knows and allows."""
    server = connect.ServerOptions(
        target, api_key, tls, ca_file, cert_file, key_file, allow_cleartext_key, timeout
    )
    try:
        with server.open() as client:
            answer = client.server_info()
    except JointTrackError as error:
        output.fail(error)
    if json:
        output.print_json(answer.to_dict())
    else:
        for table in tables.info_tables(answer):
            tables.print_table(table)
