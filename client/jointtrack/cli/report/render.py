"""The report as one HTML file that asks for nothing else."""

from collections import Counter
from datetime import date

from jinja2 import Environment, PackageLoader, StrictUndefined

from jointtrack import __version__
from jointtrack.cli.report.contents import Finding, Heading, Photo
from jointtrack.types import ModelInfo

ABBREVIATIONS = {
    "CFR": "38 CFR is the United States' schedule for rating disabilities",
    "AAOS": "AAOS is the American Academy of Orthopaedic Surgeons",
    "AMA": "AMA is the American Medical Association",
    "OSHA": "OSHA is the United States' Occupational Safety and Health Administration",
}
"""What the sources of normal ranges are called in full."""

PLACES = {
    "within": "within their reference range",
    "below": "below",
    "above": "above",
    "opposite": "of the opposite movement",
    "unmeasured": "not measurable",
    "uncompared": "without a reference range",
}

FIGURES_IN_ROW = 6
"""Figures share a row while that leaves each of them large enough."""


def render(
    heading: Heading, photos: list[Photo], findings: list[Finding], model: ModelInfo, paper: str
) -> str:
    """Every text is escaped, and the page may load and run nothing."""
    environment = Environment(
        loader=PackageLoader("jointtrack.cli.report", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["date"] = _date
    sources = " ".join(finding.normal_source for finding in findings)
    return environment.get_template("report.html.j2").render(
        heading=heading,
        facts=_facts(heading),
        photos=photos,
        columns=min(sum(len(photo.figures) for photo in photos), FIGURES_IN_ROW),
        findings=findings,
        repeated=[title for title, count in _titles(findings).items() if count > 1],
        summary=_summary(findings),
        abbreviations=[text for short, text in ABBREVIATIONS.items() if short in sources],
        model=model,
        paper=paper,
        version=__version__,
    )


def _facts(heading: Heading) -> list[tuple[str, str]]:
    facts = (
        ("Patient", heading.patient_name),
        ("ID", heading.patient_id),
        ("Pictures taken", heading.taken_on and _date(heading.taken_on)),
        ("Report made", _date(heading.made_on)),
        ("Made by", heading.clinician),
    )
    return [(name, text) for name, text in facts if text]


def _titles(findings: list[Finding]) -> Counter[str]:
    return Counter(finding.title for finding in findings)


def _summary(findings: list[Finding]) -> str:
    """A count, such as "9 angles: 8 within their reference ranges, 1 not measurable." """
    counts = Counter(place for finding in findings for place in finding.places)
    said = ", ".join(f"{counts[place]} {text}" for place, text in PLACES.items() if counts[place])
    total = counts.total()
    return f"{total} {'angle' if total == 1 else 'angles'}: {said}."


def _date(day: date) -> str:
    return f"{day.day} {day:%B} {day.year}"
