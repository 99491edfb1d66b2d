"""`make docs`: fills the tables in docs/ from the code and draws the pictures.

With --check nothing is written; the exit status says whether the tables are up to date.
"""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

from pydantic_core import PydanticUndefined

from jointtrack_server.error_codes import ERROR_CODES
from jointtrack_server.measurements import MEASUREMENTS
from jointtrack_server.observability.catalogue import SPECS
from jointtrack_server.pipeline.options import MAX_PEOPLE
from jointtrack_server.rest_api.openapi import describe
from jointtrack_server.settings import Settings, variable_of

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
GALLERY_COLUMNS = 4


def measurements_table() -> Iterator[tuple[str, ...]]:
    yield "name", "title", "body part", "view", "0 is", "positive is", "normal", "from"
    for spec in MEASUREMENTS.values():
        views = "/".join(view.value for view in spec.views) or "any"
        normal = f"{spec.normal.min_deg:g} to {spec.normal.max_deg:g}"
        words = spec.zero, spec.positive, normal, spec.normal.source
        yield f"`{spec.name}`", spec.title, spec.body_part, views, *words


def gallery() -> Iterator[tuple[str, ...]]:
    yield ("",) * GALLERY_COLUMNS
    cells = [
        f'<img src="images/measurements/{name}.jpg" width="200" alt="{spec.title}"><br>{spec.title}'
        for name, spec in MEASUREMENTS.items()
    ]
    cells += [""] * (-len(cells) % GALLERY_COLUMNS)
    for start in range(0, len(cells), GALLERY_COLUMNS):
        yield tuple(cells[start : start + GALLERY_COLUMNS])


def settings_table() -> Iterator[tuple[str, ...]]:
    yield "variable", "default", "what it sets"
    for name, field in Settings.model_fields.items():
        default = f"`{field.default}`"
        if field.default in (PydanticUndefined, None, ""):
            default = "`~/.local/share/jointtrack`" if name == "data_dir" else "none"
        yield f"`{variable_of(name)}`", default, str(field.description)


def errors_table() -> Iterator[tuple[str, ...]]:
    yield "reason (gRPC)", "gRPC status", "HTTP status", "code (REST)"
    for reason, codes in ERROR_CODES.items():
        yield f"`{reason.value}`", codes.grpc, str(codes.http), f"`{codes.rest}`"


def metrics_table() -> Iterator[tuple[str, ...]]:
    yield "name", "type", "labels", "what it says"
    for spec in SPECS:
        labels = ", ".join(f"`{label}`" for label in spec.labels)
        yield f"`{spec.name}`", spec.kind.value, labels, spec.meaning


TABLES = {
    "measurements": measurements_table,
    "gallery": gallery,
    "settings": settings_table,
    "errors": errors_table,
    "metrics": metrics_table,
}


def filled(text: str) -> str:
    """The page with every marked table made anew."""

    def table(match: re.Match[str]) -> str:
        head, *rows = TABLES[match[1]]()
        lines = [head, ("---",) * len(head), *rows]
        body = "\n".join(f"| {' | '.join(line)} |" for line in lines)
        return f"<!-- table: {match[1]} -->\n{body}\n<!-- end -->"

    return re.sub(r"<!-- table: (\w+) -->.*?<!-- end -->", table, text, flags=re.DOTALL)


def openapi_text() -> str:
    """What a server with the default settings gives at /openapi.json."""
    document = describe(version("jointtrack"), max_people=MAX_PEOPLE)
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def draw_plot() -> None:
    """The plot of `jointtrack video`, by the command itself."""
    command = [str(Path(sys.executable).parent / "jointtrack"), "video", "walk_side.mp4", "--local"]
    command += ["-m", "knee_flexion,hip_side", "--plot", str(DOCS / "images" / "walk_angles.png")]
    subprocess.run(command, cwd=ROOT / "tests" / "data", check=True)


def main() -> int:
    check = "--check" in sys.argv
    stale = []
    for page in sorted(DOCS.glob("*.md")):
        text = page.read_text()
        if filled(text) != text:
            stale.append(page.name)
            if not check:
                page.write_text(filled(text))
    document = DOCS / "openapi.json"
    described = openapi_text()
    if not document.exists() or document.read_text("utf-8") != described:
        stale.append(document.name)
        if not check:
            document.write_text(described, "utf-8")
    if check:
        print(f"Out of date, run 'make docs': {', '.join(stale)}" if stale else "Up to date.")
        return int(bool(stale))
    (DOCS / "images").mkdir(exist_ok=True)
    draw_plot()
    for tool in ("measurement_pictures", "report_picture", "page_picture"):
        subprocess.run([sys.executable, "-m", f"tools.{tool}"], cwd=ROOT, check=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
