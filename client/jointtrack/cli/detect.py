"""``jointtrack detect``."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

import typer

from jointtrack._enums import MEASUREMENTS
from jointtrack.cli import connect, output
from jointtrack.client import JointTrackClient
from jointtrack.errors import InvalidRequestError, JointTrackError
from jointtrack.images import URL_SCHEMES
from jointtrack.names import Facing, SearchMode, Side
from jointtrack.types import DetectResult, NormalRange

JPEG_SUFFIXES = {".jpg", ".jpeg"}


@dataclass(frozen=True, slots=True)
class Job:
    """What to ask for every photo, and how to report it."""

    measurements: tuple[str, ...]
    options: dict[str, Any]
    overlays: dict[str, dict[str, Path]]
    as_json: bool


def detect(
    *,
    photos: Annotated[
        list[str], typer.Argument(metavar="PHOTO...", help="Picture files or http(s) URLs.")
    ],
    measure: Annotated[
        list[str] | None,
        typer.Option("-m", "--measure", help="Names from 'jointtrack info', comma-separated."),
    ] = None,
    side: Annotated[Side, typer.Option(help="The subject's own side.")] = Side.BOTH,
    model: Annotated[str | None, typer.Option(help="A name from 'jointtrack info'.")] = None,
    search: Annotated[
        SearchMode | None, typer.Option(help="How people are found.", show_default=False)
    ] = None,
    facing: Annotated[
        Facing | None, typer.Option(help="Where the subject looks in a side view.")
    ] = None,
    mirrored: Annotated[bool, typer.Option("--mirrored", help="A mirrored selfie.")] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="No value from an unsuitable view.")
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            help="Write the overlays: a .jpg file, or OUT_<measurement>.jpg for each of several "
            "measurements; anything else is a folder, which gets PHOTO_<measurement>.jpg.",
        ),
    ] = None,
    json: connect.Json = False,
    target: connect.Target = connect.DEFAULT_TARGET,
    api_key: connect.ApiKey = None,
    tls: connect.Tls = None,
    ca_file: connect.CaFile = None,
    timeout: connect.Timeout = connect.DEFAULT_TIMEOUT_S,
) -> None:
    """Find the most prominent person in each photo and measure joint angles.

    Exit code 1 if a photo failed or shows nobody. --json prints one object a line for each photo.
    """
    job = Job(
        measurements=(names := measurement_names(measure or [])),
        options={
            "side": side,
            "model": model,
            "search": search,
            "facing": facing,
            "mirrored": mirrored,
            "strict": strict,
            "include_overlays": out is not None,
        },
        overlays=_overlay_paths(out, photos, names),
        as_json=json,
    )
    server = connect.ServerOptions(target, api_key, tls, ca_file, timeout)
    try:
        with server.open() as client:
            all_measured = _detect_all(client, photos, job)
    except JointTrackError as error:
        output.fail(error)
    if not all_measured:
        raise typer.Exit(output.EXIT_FAILED)


def _detect_all(client: JointTrackClient, photos: list[str], job: Job) -> bool:
    normals: dict[str, NormalRange | None] = {}
    if job.measurements and not job.as_json:
        normals = {item.name: item.normal for item in client.server_info().measurements}
    all_measured = True
    for photo in photos:
        try:
            result = client.detect(photo, job.measurements, **job.options)
            files = _write_overlays(result, job.overlays[photo])
        except (JointTrackError, OSError) as error:
            _report_failure(photo, error, job)
            all_measured = False
            continue
        all_measured &= bool(result.people)
        if job.as_json:
            output.print_json({"photo": photo, **_as_json(result, files)})
        else:
            _print(photo, result, normals, files)
    return all_measured


def _report_failure(photo: str, error: JointTrackError | OSError, job: Job) -> None:
    if isinstance(error, JointTrackError):
        message, details = str(error), error.to_dict()
    else:
        message = error.strerror or str(error)
        details = {"message": message}
    output.print_error(f"{photo}: {message}")
    if job.as_json:
        output.print_json({"photo": photo, "error": details})


def _print(
    photo: str,
    result: DetectResult,
    normals: dict[str, NormalRange | None],
    files: dict[str, Path],
) -> None:
    if not result.people:
        output.print_error(f"{photo}: nobody was found; use a picture that shows a whole person.")
        return
    person = result.person
    if person.measurements:
        table = output.measurements_table(photo, person.measurements, normals)
    else:
        table = output.keypoints_table(photo, person.keypoints)
    output.print_table(table)
    for path in files.values():
        typer.echo(f"wrote {path}")


def _as_json(result: DetectResult, files: dict[str, Path]) -> dict[str, Any]:
    """The result, with the file's name in place of each overlay."""
    value = result.to_dict()
    for person in value["people"]:
        for measurement in person["measurements"]:
            file = files.get(measurement["name"])
            measurement["overlay"] = str(file) if file else None
    return value


def _write_overlays(result: DetectResult, paths: dict[str, Path]) -> dict[str, Path]:
    written = {}
    for measurement in result.people[0].measurements if result.people else ():
        if measurement.overlay is not None and measurement.name in paths:
            measurement.overlay.save(paths[measurement.name])
            written[measurement.name] = paths[measurement.name]
    return written


def measurement_names(values: list[str]) -> tuple[str, ...]:
    names = [name.strip() for value in values for name in value.split(",")]
    for name in names:
        try:
            MEASUREMENTS.number(name)
        except InvalidRequestError as error:
            raise typer.BadParameter(error.message, param_hint="'-m'") from None
    return tuple(dict.fromkeys(names))


def _overlay_paths(
    out: Path | None, photos: list[str], names: tuple[str, ...]
) -> dict[str, dict[str, Path]]:
    """The overlay's file by photo and measurement; usage errors before anything is sent."""
    if out is None:
        return {photo: {} for photo in photos}
    if not names:
        raise typer.BadParameter("there is no overlay without a measurement: add -m.")
    if out.suffix.lower() in JPEG_SUFFIXES:
        if len(photos) > 1:
            raise typer.BadParameter(f"several photos need a folder, not {out}.", param_hint="'-o'")
        if len(names) == 1:
            return {photos[0]: {names[0]: out}}
        return {photos[0]: {name: out.with_stem(f"{out.stem}_{name}") for name in names}}
    stems = {photo: _stem(photo) for photo in photos}
    if len(set(stems.values())) < len(stems):
        raise typer.BadParameter("two photos have the same name: their overlays would collide.")
    out.mkdir(parents=True, exist_ok=True)
    return {
        photo: {name: out / f"{stem}_{name}.jpg" for name in names} for photo, stem in stems.items()
    }


def _stem(photo: str) -> str:
    path = urlsplit(photo).path if photo.startswith(URL_SCHEMES) else photo
    return Path(path).stem or "photo"
