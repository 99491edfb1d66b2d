"""`make bench`: a table of ratios to the bare loop, and the same as JSON in bench/results."""

import asyncio
import json
import os
import platform
import statistics
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import cv2
from rich.console import Console
from rich.progress import track
from rich.table import Table

from bench.bare import find_and_refine, one_pass, pictures_per_second
from bench.served import Call, calls_per_second, server
from jointtrack_server.engines.catalogue import find_spec
from jointtrack_server.pipeline.models import load_models
from jointtrack_server.settings import Settings

ROUNDS = 5
SECONDS = 3.0
CALLERS = (1, 16)
PICTURE = Path(__file__).parents[1] / "tests" / "data" / "walk_side.jpg"
RESULTS = Path(__file__).parent / "results"


def main() -> None:
    """Measures everything interleaved, so that a noisy machine is noisy to all alike."""
    cv2.setNumThreads(1)
    models = load_models(Settings())
    data = PICTURE.read_bytes()
    lightning = models.models[find_spec("movenet-lightning")]
    thunder = models.models[find_spec("movenet-thunder")]
    cores = os.cpu_count() or 1

    chains: list[tuple[str, Callable[[], None], Call]] = [
        (
            "Lightning, one pass",
            lambda: one_pass(lightning, data),
            lambda client: client.detect(data, model=lightning.spec.name, search="whole_picture"),
        ),
        (
            "default",
            lambda: find_and_refine(models, thunder, data),
            lambda client: client.detect(data),
        ),
    ]
    rates: dict[str, list[float]] = {}
    with server() as target:
        for _ in track(range(ROUNDS), description="Rounds"):
            for name, bare, call in chains:
                rate = pictures_per_second(bare, cores, SECONDS)
                rates.setdefault(f"{name}: bare loop", []).append(rate)
                for callers in CALLERS:
                    rate = asyncio.run(calls_per_second(target, call, callers, SECONDS))
                    rates.setdefault(f"{name}: Detect, {callers} callers", []).append(rate)
    _report(rates, models.engine.precision)


def _report(rates: dict[str, list[float]], precision: str) -> None:
    table = Table("Measured", "Pictures/s (median)", "Lowest - highest", "To the bare loop")
    rows = []
    for name, found in rates.items():
        bare = statistics.median(rates[f"{name.partition(':')[0]}: bare loop"])
        median = statistics.median(found)
        rows.append({"name": name, "median": median, "ratio": median / bare, "all": found})
        spread = f"{min(found):.0f} - {max(found):.0f}"
        table.add_row(name, f"{median:.0f}", spread, f"{median / bare:.2f}")
    Console().print(table, "The callers run on the same cores as the server.")
    RESULTS.mkdir(exist_ok=True)
    result = {
        "machine": platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "jointtrack": version("jointtrack"),
        "openvino": version("openvino"),
        "grpcio": version("grpcio"),
        "precision": precision,
        "rounds": ROUNDS,
        "seconds": SECONDS,
        "rates": rows,
    }
    file = RESULTS / f"{time.strftime('%Y%m%d-%H%M%S')}.json"
    file.write_text(json.dumps(result, indent=1) + "\n")
    print(f"Written to {file.relative_to(Path.cwd()) if file.is_relative_to(Path.cwd()) else file}")


if __name__ == "__main__":
    main()
