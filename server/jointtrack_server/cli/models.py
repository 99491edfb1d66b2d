"""`jointtrack models`."""

from jointtrack_server.cli.shared import print_columns
from jointtrack_server.engines.catalogue import CATALOGUE


def models() -> None:
    """List the models, their versions and TensorFlow Hub handles."""
    rows = [
        (
            f"{spec.name} (default)" if spec.is_default else spec.name,
            spec.version,
            f"{spec.input_size_px} px",
            str(spec.max_people),
            spec.tfhub_handle,
        )
        for spec in CATALOGUE
    ]
    print_columns(("MODEL", "VERSION", "INPUT", "PEOPLE", "TENSORFLOW HUB"), *rows)
