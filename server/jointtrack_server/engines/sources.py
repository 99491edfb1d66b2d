"""Where a model's weights come from: this package, TensorFlow Hub or a folder."""

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path

from jointtrack_server.engines.base import message_lines
from jointtrack_server.engines.catalogue import CATALOGUE, ModelSpec
from jointtrack_server.engines.optional import import_with_extra
from jointtrack_server.errors import StartupError


def locate(
    spec: ModelSpec,
    *,
    source: str = "embedded",
    model_paths: Mapping[str, Path] | None = None,
    cache_dir: Path | None = None,
) -> Path:
    """Find the folder of the SavedModel of ``spec``, downloading it if ``source`` is "tfhub".

    A model whose name is in ``model_paths`` is taken from that folder, the others from ``source``:
    "embedded" (checked against the catalogue's SHA-256) or "tfhub", where ``cache_dir`` keeps the
    downloads unless the environment variable TFHUB_CACHE_DIR names another folder.

    Raises StartupError if the source or a name in ``model_paths`` is unknown, or there is no intact
    ``saved_model.pb``.
    """
    paths = model_paths or {}
    _check_names(spec, paths)
    if spec.name in paths:
        folder = paths[spec.name]
        _require_saved_model(
            spec, folder, "Correct the model's path, or leave it out to use the embedded weights."
        )
        return folder
    if source not in SOURCES:
        raise StartupError(
            f'Unknown model source "{source}": set one of {", ".join(SOURCES)}, '
            "or give a folder for each model."
        )
    return SOURCES[source](spec, cache_dir)


def origin_of(spec: ModelSpec, source: str, model_paths: Mapping[str, Path]) -> str:
    """What callers are told of it: "embedded", "tfhub" or the name of its folder."""
    return model_paths[spec.name].resolve().name if spec.name in model_paths else source


def _embedded(spec: ModelSpec, _cache_dir: Path | None) -> Path:
    folder = spec.embedded_folder
    _require_saved_model(spec, folder, "Install jointtrack again.")
    file = folder / "saved_model.pb"
    with file.open("rb") as stream:
        found = hashlib.file_digest(stream, "sha256").hexdigest()
    if found != spec.saved_model_sha256:
        raise StartupError(
            f"{file} is damaged: its SHA-256 is {found}, that of {spec.title} is "
            f"{spec.saved_model_sha256}. Install jointtrack again."
        )
    return folder


def _from_tfhub(spec: ModelSpec, cache_dir: Path | None) -> Path:
    tfhub = import_with_extra("jointtrack_server.engines.tfhub", extra="tensorflow")
    try:
        folder: Path = tfhub.download(spec.tfhub_handle, cache_dir)
    except Exception as error:  # whatever urllib, tarfile and TensorFlow's file system raise
        raise StartupError(
            f"{spec.title} could not be downloaded from {spec.tfhub_handle} "
            f"({message_lines(error)[0]}). Check the network, or use the embedded weights (model "
            'source "embedded") or a folder with the SavedModel.'
        ) from error
    _require_saved_model(
        spec, folder, "Delete that folder to download it again, or use the embedded weights."
    )
    return folder


SOURCES: Mapping[str, Callable[[ModelSpec, Path | None], Path]] = {
    "embedded": _embedded,
    "tfhub": _from_tfhub,
}


def _require_saved_model(spec: ModelSpec, folder: Path, advice: str) -> None:
    if not (folder / "saved_model.pb").is_file():
        raise StartupError(
            f"{folder} is no SavedModel of {spec.title}: no saved_model.pb. {advice}"
        )


def _check_names(spec: ModelSpec, paths: Mapping[str, Path]) -> None:
    known = {spec.name, *(known.name for known in CATALOGUE)}
    unknown = sorted(set(paths) - known)
    if unknown:
        raise StartupError(
            f"A folder is given for {', '.join(unknown)}, but the models are "
            f"{', '.join(sorted(known))}."
        )
