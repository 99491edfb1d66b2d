import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from jointtrack_server.engines.base import Engine
from jointtrack_server.engines.openvino import BF16_CPU_FLAGS, choose_precision, cpu_flags
from jointtrack_server.errors import StartupError

WITH_BF16 = ["FP32", "BF16", "INT8"]


@pytest.mark.parametrize(
    ("requested", "capabilities", "flags", "precision", "reason"),
    [
        ("auto", WITH_BF16, {"avx2", "avx512_bf16"}, "bf16", "avx512_bf16"),
        ("auto", WITH_BF16, {"amx_bf16"}, "bf16", "amx_bf16"),
        ("auto", WITH_BF16, {"avx2", "avx512f"}, "f32", "this CPU has none of"),
        ("auto", ["FP32"], {"avx512_bf16"}, "f32", "this CPU has none of"),
        ("auto", WITH_BF16, set(), "f32", "this CPU has none of"),
        ("bf16", WITH_BF16, {"amx_bf16"}, "bf16", "as asked for"),
        ("f32", WITH_BF16, {"amx_bf16"}, "f32", "as asked for"),
    ],
)
def test_auto_is_bf16_only_where_the_cpu_computes_it(
    requested: str, capabilities: list[str], flags: set[str], precision: str, reason: str
) -> None:
    choice = choose_precision(requested, capabilities, flags)
    assert choice.name == precision
    assert reason in choice.reason


@pytest.mark.parametrize("capabilities", [["FP32"], WITH_BF16], ids=["unlisted", "only converted"])
def test_bf16_is_refused_where_the_cpu_has_none(capabilities: list[str]) -> None:
    with pytest.raises(StartupError, match=r'"bf16" is not possible.*Set the precision "f32"'):
        choose_precision("bf16", capabilities, {"avx2", "avx512f"})


def test_an_unknown_precision_is_refused() -> None:
    with pytest.raises(StartupError, match='Unknown precision "int8": set one of auto, f32, bf16'):
        choose_precision("int8", WITH_BF16, set())


def test_the_flags_of_the_first_cpu_are_read(tmp_path: Path) -> None:
    info = tmp_path / "cpuinfo"
    info.write_text("processor\t: 0\nflags\t\t: fpu avx2 amx_bf16\nbugs\t\t: none\n")
    assert cpu_flags(info) == {"fpu", "avx2", "amx_bf16"}
    assert cpu_flags(tmp_path / "no such file") == frozenset()


def test_the_engine_says_what_it_does_and_why(openvino_auto: Engine) -> None:
    native = BF16_CPU_FLAGS & cpu_flags()
    assert (openvino_auto.name, openvino_auto.device) == ("openvino", "CPU")
    assert openvino_auto.precision == ("bf16" if native else "f32")
    assert openvino_auto.reason.startswith("openvino for a test; ")
    assert openvino_auto.precision in openvino_auto.reason


LOAD_AND_REPORT = """
import json, sys, threading
from pathlib import Path

contacts = []
sys.addaudithook(
    lambda event, args: contacts.append(f"{event} {args}")
    if event in ("socket.connect", "socket.getaddrinfo", "urllib.Request") else None
)
from jointtrack_server.engines.catalogue import find_spec
from jointtrack_server.engines.select import choose_engine, create_engine

choice = choose_engine(device_files=(Path("no such device"),))
spec = find_spec("movenet-lightning")
create_engine(choice.name, precision="f32").load(spec, spec.embedded_folder)
print(json.dumps({
    "choice": choice,
    "contacts": contacts,
    "home": [str(path) for path in Path.home().iterdir()],
    "heavy": [name for name in ("tensorflow", "keras") if name in sys.modules],
    "threads": threading.active_count(),
}))
"""


def test_without_a_gpu_nothing_imports_tensorflow_and_nothing_reports_home(tmp_path: Path) -> None:
    environment = {key: os.environ[key] for key in ("PATH", "LD_LIBRARY_PATH") if key in os.environ}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", LOAD_AND_REPORT],
        env={**environment, "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == {
        "choice": ["openvino", "openvino because this machine has no NVIDIA GPU"],
        "contacts": [],
        "home": [],
        "heavy": [],
        "threads": 1,
    }
