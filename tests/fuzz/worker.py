"""Tries numbered files one after the other and reports on standard output, a line a second.

It can die of any file: the number it is at stands in a file that the parent reads.
"""

import faulthandler
import importlib
import json
import mmap
import os
import resource
import struct
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2

from jointtrack_server.imaging.decode import ImageLimits
from tests.fuzz.inputs import Case, case, seed_files
from tests.fuzz.watch import Watch

ADDRESS_SPACE_BYTES = 6 << 30
REPORT_EVERY_S = 1.0
_CHECK_CLOCK_EVERY = 50


@dataclass(slots=True)
class Tally:
    """What was seen since the last report."""

    inputs: Counter[str] = field(default_factory=Counter)
    reached: Counter[str] = field(default_factory=Counter)
    accepted: Counter[str] = field(default_factory=Counter)
    answers: Counter[str] = field(default_factory=Counter)
    max_grown_bytes: int = 0
    max_cpu_s: float = 0.0


def run(watch: Watch, seed: int, number: int, place: mmap.mmap) -> None:
    """Without end; the parent stops it."""
    tally, reported_s = Tally(), time.monotonic()
    while True:
        struct.pack_into("<Q", place, 0, number)
        tried = case(seed, number)
        outcome = watch.try_out(tried)
        tally.inputs[tried.format] += 1
        tally.reached[tried.format] += outcome.reached_decoder
        tally.accepted[tried.format] += outcome.answer == "accepted"
        tally.answers[outcome.answer] += 1
        tally.max_grown_bytes = max(tally.max_grown_bytes, outcome.grown_bytes)
        tally.max_cpu_s = max(tally.max_cpu_s, outcome.cpu_s)
        if outcome.fault:
            _say(fault=outcome.fault, number=number)
        number += 1
        if number % _CHECK_CLOCK_EVERY == 0 and time.monotonic() - reported_s > REPORT_EVERY_S:
            _report(tally, watch)
            tally, reported_s = Tally(), time.monotonic()


def _report(tally: Tally, watch: Watch) -> None:
    _say(
        inputs=tally.inputs,
        reached=tally.reached,
        accepted=tally.accepted,
        answers=tally.answers,
        max_grown_bytes=tally.max_grown_bytes,
        max_cpu_s=tally.max_cpu_s,
        resident_bytes=watch.resident(),
    )
    # What the decoders print would fill the disk; the last of it is kept for a crash.
    os.ftruncate(sys.stderr.fileno(), 0)


def _say(**message: Any) -> None:
    print(json.dumps(message), flush=True)


def main() -> None:
    """The task comes as JSON: ``target``, and ``seed``, ``number``, ``place`` or one ``file``."""
    task = json.loads(sys.argv[1])
    faulthandler.enable()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE_BYTES, ADDRESS_SPACE_BYTES))
    cv2.setNumThreads(1)
    module, function = task["target"].split(":")
    decode = getattr(importlib.import_module(module), function)
    if "file" in task:
        limits = ImageLimits(*task["limits"])
        tried = Case(Path(task["file"]).read_bytes(), limits, task["min_long_side_px"])
        outcome = Watch(decode).try_out(tried)
        _say(fault=outcome.fault, answer=outcome.answer, cpu_s=outcome.cpu_s)
        return
    seed_files()
    with open(task["place"], "r+b") as file, mmap.mmap(file.fileno(), 8) as place:
        run(Watch(decode), task["seed"], task["number"], place)


if __name__ == "__main__":
    main()
