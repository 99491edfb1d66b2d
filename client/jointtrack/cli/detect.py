"""``jointtrack detect``."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from jointtrack.cli import connect, options, output
from jointtrack.cli.formats import Asked, Format, PhotoError, Printer, error_message, fhir
from jointtrack.cli.formats.csv_rows import CsvPrinter
from jointtrack.cli.formats.json_lines import JsonPrinter
from jointtrack.cli.formats.table import TablePrinter
from jointtrack.cli.words import NOBODY_FOUND
from jointtrack.client import JointTrackClient
from jointtrack.errors import JointTrackError
from jointtrack.names import Side
from jointtrack.types import DetectResult

JPEG_SUFFIXES = {".jpg", ".jpeg"}
FHIR = "With --format fhir"


@dataclass(frozen=True, slots=True)
class Job:
    """What to ask for every photo, and how to report it."""

    measurements: tuple[str, ...]
    options: dict[str, Any]
    overlays: dict[str, dict[str, Path]]
    format: Format
    context: fhir.Context


def detect(
    *,
    photos: Annotated[
        list[str], typer.Argument(metavar="PHOTO...", help="Picture files or http(s) URLs.")
    ],
    measure: options.Measure = None,
    side: Annotated[Side, typer.Option(help="The subject's own side.")] = Side.BOTH,
    model: options.Model = None,
    search: options.Search = None,
    facing: options.FacingEdge = None,
    mirrored: options.Mirrored = False,
    strict: options.Strict = False,
    out: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            help="Write the overlays: a .jpg file, or OUT_<measurement>.jpg for each of several "
            "measurements; anything else is a folder, which gets PHOTO_<measurement>.jpg.",
        ),
    ] = None,
    result_format: Annotated[
        Format,
        typer.Option(
            "--format",
            help="table; json, one object a photo; csv, one row a measurement and side; fhir, one "
            "R4 Bundle a photo.",
        ),
    ] = Format.TABLE,
    patient: Annotated[
        str | None,
        typer.Option(help="Whose pictures they are, as Patient/123.", rich_help_panel=FHIR),
    ] = None,
    taken_at: Annotated[
        str | None,
        typer.Option(
            help="When they were taken: a date, or a time with its zone.", rich_help_panel=FHIR
        ),
    ] = None,
    active_rom: Annotated[
        bool,
        typer.Option(
            "--active-rom",
            help="They show the end of active motions: add LOINC's codes for that.",
            rich_help_panel=FHIR,
        ),
    ] = False,
    target: connect.Target = connect.DEFAULT_TARGET,
    api_key: connect.ApiKey = None,
    tls: connect.Tls = None,
    ca_file: connect.CaFile = None,
    cert_file: connect.CertFile = None,
    key_file: connect.KeyFile = None,
    allow_cleartext_key: connect.AllowCleartextKey = False,
    timeout: connect.Timeout = connect.DEFAULT_TIMEOUT_S,
) -> None:
    """Find the most prominent person in each photo and measure joint angles.

    Exit code 1 if a photo failed or shows nobody.
    """
    job = Job(
        measurements=(names := options.measurement_names(measure or [])),
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
        format=result_format,
        context=_context(result_format, patient, taken_at, active_rom=active_rom),
    )
    if result_format in (Format.CSV, Format.FHIR) and not names:
        raise typer.BadParameter(f"{result_format} holds measurements: add -m.")
    server = connect.ServerOptions(
        target, api_key, tls, ca_file, cert_file, key_file, allow_cleartext_key, timeout
    )
    try:
        with server.open() as client:
            all_measured = _detect_all(client, photos, job)
    except JointTrackError as error:
        output.fail(error)
    if not all_measured:
        raise typer.Exit(output.EXIT_FAILED)


def _detect_all(client: JointTrackClient, photos: list[str], job: Job) -> bool:
    printer = _printer(job, _asked(client, job))
    all_measured = True
    for photo in photos:
        try:
            result = client.detect(photo, job.measurements, **job.options)
            files = _write_overlays(result, job.overlays[photo])
            _print(printer, photo, result, files)
        except (JointTrackError, OSError) as error:
            _print_failure(printer, photo, error)
            all_measured = False
            continue
        all_measured &= bool(result.people)
    return all_measured


def _asked(client: JointTrackClient, job: Job) -> Asked:
    side = job.options["side"]
    sides = ("left", "right") if side is Side.BOTH else (str(side),)
    if not job.measurements:
        return Asked({}, sides)
    info = client.server_info()
    known = {item.name: item for item in info.measurements}
    asked = {name: known[name] for name in job.measurements if name in known}
    return Asked(asked, sides, info.server_version)


def _printer(job: Job, asked: Asked) -> Printer:
    match job.format:
        case Format.TABLE:
            return TablePrinter(asked)
        case Format.JSON:
            return JsonPrinter(asked)
        case Format.CSV:
            return CsvPrinter(asked)
        case Format.FHIR:
            return fhir.FhirPrinter(asked, job.context)


def _print(
    printer: Printer, photo: str, result: DetectResult, overlays: Mapping[str, Path]
) -> None:
    if not result.people:
        output.print_error(f"{photo}: {NOBODY_FOUND}")
    printer.found(photo, result, overlays)


def _print_failure(printer: Printer, photo: str, error: PhotoError) -> None:
    output.print_error(f"{photo}: {error_message(error)}")
    printer.failed(photo, error)


def _context(
    result_format: Format, patient: str | None, taken_at: str | None, *, active_rom: bool
) -> fhir.Context:
    if result_format is not Format.FHIR and (patient or taken_at or active_rom):
        raise typer.BadParameter(
            "--patient, --taken-at and --active-rom belong to --format fhir: add it."
        )
    try:
        return fhir.Context(
            patient=None if patient is None else fhir.checked_patient(patient),
            taken_at=None if taken_at is None else fhir.checked_time(taken_at),
            active_rom=active_rom,
        )
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def _write_overlays(result: DetectResult, paths: dict[str, Path]) -> dict[str, Path]:
    written = {}
    for measurement in result.people[0].measurements if result.people else ():
        if measurement.overlay is not None and measurement.name in paths:
            measurement.overlay.save(paths[measurement.name])
            written[measurement.name] = paths[measurement.name]
    return written


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
    stems = {photo: options.stem_of(photo) for photo in photos}
    if len(set(stems.values())) < len(stems):
        raise typer.BadParameter("two photos have the same name: their overlays would collide.")
    out.mkdir(parents=True, exist_ok=True)
    return {
        photo: {name: out / f"{stem}_{name}.jpg" for name in names} for photo, stem in stems.items()
    }
