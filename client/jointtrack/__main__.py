"""The ``jointtrack`` command, which needs the cli extra."""

import importlib.util
import sys


def main() -> None:
    """Runs the command line; without the extra it says how to install it and exits with 1."""
    if any(importlib.util.find_spec(name) is None for name in ("typer", "rich", "jinja2")):
        print(
            "The jointtrack command needs its extra: pip install 'jointtrack[cli]'",
            file=sys.stderr,
        )
        sys.exit(1)
    from jointtrack.cli.app import app  # noqa: PLC0415 - only with the extra

    app(prog_name="jointtrack")


if __name__ == "__main__":
    main()
