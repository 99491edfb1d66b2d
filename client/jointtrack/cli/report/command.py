"""``jointtrack report``: its options, and the pictures' way to one file."""

import os
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer

from jointtrack.cli import connect, options, output
from jointtrack.cli.formats import error_message
from jointtrack.cli.report import pdf
from jointtrack.cli.report.choice import CANDIDATES, suitable
from jointtrack.cli.report.contents import Finding, Heading, Photo, finding, photo
from jointtrack.cli.words import NOBODY_FOUND
from jointtrack.client import JointTrackClient
from jointtrack.errors import JointTrackError
from jointtrack.types import DetectResult, MeasurementInfo

NAMES = re.compile(r"[a-z_]+(,[a-z_]+)*")
SUFFIXES = (".html", ".pdf")
PAPERS = ("A4", "Letter")
ON_PAPER = "On the paper"


@dataclass(frozen=True, slots=True)
class Shot:
    """A picture of the set; without ``measurements`` what its view shows best is measured."""

    photo: str
    measurements: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """What was found in all pictures."""

    photos: list[Photo]
    findings: list[Finding]
    result: DetectResult


class PictureError(Exception):
    """A picture cannot be part of the report; the message says which and why."""


def report(
    *,
    photos: Annotated[
        list[str],
        typer.Argument(
            metavar="PHOTO[:NAMES]...",
            help="Pictures of one person: files or URLs, each with its measurements if you like: "
            "front.jpg:shoulder_abduction,squats_knee_front",
        ),
    ],
    out: Annotated[
        Path, typer.Option("-o", "--output", help="The report: an .html or a .pdf file.")
    ],
    measure: options.Measure = None,
    model: options.Model = None,
    search: options.Search = None,
    facing: options.FacingEdge = None,
    mirrored: options.Mirrored = False,
    strict: options.Strict = False,
    title: Annotated[
        str, typer.Option(help="The heading.", rich_help_panel=ON_PAPER)
    ] = "Joint angle report",
    patient_name: Annotated[str | None, typer.Option(rich_help_panel=ON_PAPER)] = None,
    patient_id: Annotated[str | None, typer.Option(rich_help_panel=ON_PAPER)] = None,
    clinician: Annotated[
        str | None, typer.Option(help="Who made it.", rich_help_panel=ON_PAPER)
    ] = None,
    taken_on: Annotated[
        str | None,
        typer.Option(help="The pictures' date, as 2026-01-31.", rich_help_panel=ON_PAPER),
    ] = None,
    note: Annotated[str | None, typer.Option(help="Remarks.", rich_help_panel=ON_PAPER)] = None,
    paper: Annotated[str, typer.Option(help="A4 or Letter.", rich_help_panel=ON_PAPER)] = "A4",
    local: connect.Local = False,
    target: connect.Target = connect.DEFAULT_TARGET,
    api_key: connect.ApiKey = None,
    tls: connect.Tls = None,
    ca_file: connect.CaFile = None,
    cert_file: connect.CertFile = None,
    key_file: connect.KeyFile = None,
    allow_cleartext_key: connect.AllowCleartextKey = False,
    timeout: connect.Timeout = connect.DEFAULT_TIMEOUT_S,
) -> None:
    """Measure the pictures of one person and write a report to hand over: one page of HTML or PDF.

    Without measurements, each picture shows what its view shows best. Exit code 1, and no report,
    if a picture failed or shows nobody.
    """
    shots = _shots(photos, options.measurement_names(measure or []))
    browser = _checked_output(out)
    if paper not in PAPERS:
        raise typer.BadParameter(f"{paper!r} is not A4 or Letter.", param_hint="'--paper'")
    heading = Heading(
        title, date.today(), patient_name, patient_id, clinician, _day(taken_on), note
    )
    detecting = {
        "model": model,
        "search": search,
        "facing": facing,
        "mirrored": mirrored,
        "strict": strict,
    }
    server = connect.ServerOptions(
        target, api_key, tls, ca_file, cert_file, key_file, allow_cleartext_key, timeout
    )
    try:
        with connect.local_client(timeout) if local else server.open() as client:
            found = _measured(client, shots, detecting)
        from jointtrack.cli.report.render import render  # noqa: PLC0415 - Jinja takes its time

        html = render(heading, found.photos, found.findings, found.result.model, paper)
        _write(html, out, browser)
    except (JointTrackError, PictureError, pdf.PdfError, OSError) as error:
        output.fail(error)
    typer.echo(f"wrote {out}")


def _measured(client: JointTrackClient, shots: list[Shot], detecting: dict[str, Any]) -> Report:
    infos = {item.name: item for item in client.server_info().measurements}
    photos: list[Photo] = []
    findings: list[Finding] = []
    for shot in shots:
        names = shot.measurements or _suitable(client, shot.photo, infos, detecting)
        result = _detected(client, shot.photo, names, detecting, with_overlays=True)
        source, person = options.name_of(shot.photo), result.person
        photos.append(photo(source, person, infos))
        findings += [finding(item, infos[item.name], source) for item in person.measurements]
    return Report(photos, findings, result)


def _suitable(
    client: JointTrackClient,
    photo: str,
    infos: Mapping[str, MeasurementInfo],
    detecting: dict[str, Any],
) -> tuple[str, ...]:
    result = _detected(client, photo, CANDIDATES, detecting, with_overlays=False)
    return suitable(result.person, infos)


def _detected(
    client: JointTrackClient,
    photo: str,
    names: tuple[str, ...],
    detecting: dict[str, Any],
    *,
    with_overlays: bool,
) -> DetectResult:
    try:
        result = client.detect(photo, names, include_overlays=with_overlays, **detecting)
    except (JointTrackError, OSError) as error:
        raise PictureError(f"{photo}: {error_message(error)}") from None
    if not result.people:
        raise PictureError(f"{photo}: {NOBODY_FOUND}")
    return result


def _shots(photos: list[str], common: tuple[str, ...]) -> list[Shot]:
    """PHOTO or PHOTO:NAMES; what exists as a file is a file, whatever its name."""
    shots = []
    for text in photos:
        photo, colon, names = text.rpartition(":")
        if colon and photo and NAMES.fullmatch(names) and not os.path.exists(text):
            shots.append(Shot(photo, options.measurement_names([names])))
        else:
            shots.append(Shot(text, common))
    return shots


def _checked_output(out: Path) -> str | None:
    """The browser that a PDF needs; usage errors before anything is sent."""
    if out.suffix.lower() not in SUFFIXES:
        raise typer.BadParameter(f"{out} is neither .html nor .pdf: name it so.")
    if not out.parent.is_dir():
        raise typer.BadParameter(f"there is no folder {out.parent}: make it, or choose another.")
    if out.suffix.lower() == ".html":
        return None
    try:
        return pdf.find_browser()
    except pdf.PdfError as error:
        raise typer.BadParameter(str(error)) from None


def _write(html: str, out: Path, browser: str | None) -> None:
    """The file takes its name when it is whole."""
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=".jointtrack-") as folder:
        page = Path(folder).resolve() / "report.html"
        page.write_text(html, encoding="utf-8")
        if browser is not None:
            pdf.print_pdf(browser, page, page.with_suffix(".pdf"))
            page = page.with_suffix(".pdf")
        page.replace(out)


def _day(text: str | None) -> date | None:
    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(
            f"{text!r} is no date: write it as 2026-01-31.", param_hint="'--taken-on'"
        ) from None
