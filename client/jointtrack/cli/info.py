"""``jointtrack info``."""

from jointtrack.cli import connect, output
from jointtrack.errors import JointTrackError


def info(
    *,
    json: connect.Json = False,
    target: connect.Target = connect.DEFAULT_TARGET,
    api_key: connect.ApiKey = None,
    tls: connect.Tls = None,
    ca_file: connect.CaFile = None,
    timeout: connect.Timeout = connect.DEFAULT_TIMEOUT_S,
) -> None:
    """Say what the server runs, knows and allows."""
    server = connect.ServerOptions(target, api_key, tls, ca_file, timeout)
    try:
        with server.open() as client:
            answer = client.server_info()
    except JointTrackError as error:
        output.fail(error)
    if json:
        output.print_json(answer.to_dict())
    else:
        for table in output.info_tables(answer):
            output.print_table(table)
