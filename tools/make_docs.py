"""`make docs`: fills the tables in docs/ from the code and draws the README's pictures.

With --check nothing is written; the exit status says whether the tables are up to date.
"""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from pydantic_core import PydanticUndefined

from jointtrack_server.domain.types import MeasureOptions, Pose
from jointtrack_server.engines.catalogue import find_spec
from jointtrack_server.error_codes import ERROR_CODES
from jointtrack_server.imaging.decode import ImageLimits, decode_file
from jointtrack_server.imaging.encode import encode_jpeg
from jointtrack_server.imaging.overlay import draw_overlay
from jointtrack_server.measurements import MEASUREMENTS, measure
from jointtrack_server.pipeline.models import load_models
from jointtrack_server.pipeline.people import Search, find_people
from jointtrack_server.settings import Settings

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PICTURES = {
    "arms_out_front": "shoulder_abduction",
    "walk_side": "knee_flexion",
}


def measurements_table() -> Iterator[tuple[str, ...]]:
    yield "name", "title", "body part", "view", "0 is", "positive is", "normal", "from"
    for spec in MEASUREMENTS.values():
        views = "/".join(view.value for view in spec.views) or "any"
        normal = f"{spec.normal.min_deg:g} to {spec.normal.max_deg:g}"
        words = spec.zero, spec.positive, normal, spec.normal.source
        yield f"`{spec.name}`", spec.title, spec.body_part, views, *words


def settings_table() -> Iterator[tuple[str, ...]]:
    yield "variable", "default", "what it sets"
    for name, field in Settings.model_fields.items():
        alias = field.validation_alias
        variable = alias if isinstance(alias, str) else f"JOINTTRACK_{name.upper()}"
        default = f"`{field.default}`"
        if field.default is PydanticUndefined or field.default is None:
            default = "`~/.local/share/jointtrack`" if name == "data_dir" else "none"
        yield f"`{variable}`", default, str(field.description)


def errors_table() -> Iterator[tuple[str, ...]]:
    yield "reason (gRPC)", "gRPC status", "HTTP status", "code (REST)"
    for reason, codes in ERROR_CODES.items():
        yield f"`{reason.value}`", codes.grpc, str(codes.http), f"`{codes.rest}`"


TABLES = {
    "measurements": measurements_table,
    "settings": settings_table,
    "errors": errors_table,
}


def filled(text: str) -> str:
    """The page with every marked table made anew."""

    def table(match: re.Match[str]) -> str:
        head, *rows = TABLES[match[1]]()
        lines = [head, ("---",) * len(head), *rows]
        body = "\n".join(f"| {' | '.join(line)} |" for line in lines)
        return f"<!-- table: {match[1]} -->\n{body}\n<!-- end -->"

    return re.sub(r"<!-- table: (\w+) -->.*?<!-- end -->", table, text, flags=re.DOTALL)


def draw_pictures() -> None:
    """One overlay per sample, made by the product's own chain."""
    models = load_models(Settings())
    search = Search(models.models[find_spec()], models.finder)
    for sample, name in PICTURES.items():
        data = (ROOT / "tests" / "data" / f"{sample}.jpg").read_bytes()
        picture = decode_file(data, ImageLimits(len(data), 1 << 30))
        person = find_people(picture.pixels, search).found[0]
        pose = Pose(person.keypoints, picture.size)
        (measured,) = measure(pose, MeasureOptions((name,)))
        overlay = encode_jpeg(draw_overlay(picture.pixels, measured))
        (DOCS / "images" / f"{name}.jpg").write_bytes(overlay.data)


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
    if check:
        print(f"Out of date, run 'make docs': {', '.join(stale)}" if stale else "Up to date.")
        return int(bool(stale))
    (DOCS / "images").mkdir(exist_ok=True)
    draw_pictures()
    draw_plot()
    return 0


if __name__ == "__main__":
    sys.exit(main())
