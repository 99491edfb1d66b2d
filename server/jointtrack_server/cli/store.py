"""What the commands on the key store share: their options, and the store itself."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Annotated

import typer

from jointtrack.cli.output import fail
from jointtrack_server.access.database import Database
from jointtrack_server.access.keys import KeyStore
from jointtrack_server.cli.shared import settings_from
from jointtrack_server.errors import JointTrackError, StartupError
from jointtrack_server.settings import VARIABLE_PREFIX

StoreUrl = Annotated[
    str | None,
    typer.Option(
        envvar=f"{VARIABLE_PREFIX}STORE_URL",
        help="Database instead of the folder; the variable keeps its password out of the "
        "process list.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object a line.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="Print the key alone, for scripts.")]


@contextmanager
def key_store(data_dir: Path | None, store_url: str | None) -> Iterator[KeyStore]:
    """The store that a server with these options uses; what it refuses ends the command."""
    settings = settings_from({"data_dir": data_dir, "store_url": store_url})
    try:
        with closing(Database(settings.data_dir, settings.store_url)) as database:
            yield KeyStore(database)
    except (JointTrackError, StartupError) as error:
        fail(error)
