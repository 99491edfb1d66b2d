"""What callers have generated their clients from stays: buf compares with the last release."""

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BUF = Path(sys.executable).parent / "buf"
RELEASED = ROOT / "protos" / "released.binpb"


@dataclass(frozen=True)
class Contract:
    """A copy of protos/ to change."""

    folder: Path

    def edit(self, file: str, old: str, new: str) -> None:
        path = self.folder / "protos" / "jointtrack" / "v1" / file
        text = path.read_text()
        assert text.count(old) == 1
        path.write_text(text.replace(old, new))

    def breaking(self) -> tuple[int, str]:
        return self._buf("breaking", "--against", str(RELEASED))

    def lint(self) -> tuple[int, str]:
        return self._buf("lint")

    def _buf(self, *arguments: str) -> tuple[int, str]:
        done = subprocess.run(
            [BUF, *arguments],
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr


@pytest.fixture
def contract(tmp_path: Path) -> Contract:
    shutil.copytree(ROOT / "protos", tmp_path / "protos")
    shutil.copy(ROOT / "buf.yaml", tmp_path)
    return Contract(tmp_path)


def test_the_contract_keeps_what_was_released(contract: Contract) -> None:
    assert contract.breaking() == (0, "")
    assert contract.lint() == (0, "")


@pytest.mark.parametrize(
    ("file", "old", "new", "complaint"),
    [
        ("pose.proto", "  float x_px = 2;\n", "", 'Previously present field "2"'),
        ("pose.proto", "float y_px = 3;", "float y_px = 9;", 'Previously present field "3"'),
        ("pose.proto", "float x_px = 2;", "float x = 2;", "changed name"),
        ("pose.proto", "float x_px = 2;", "double x_px = 2;", "changed type"),
        ("image.proto", "string media_type = 2;", "bytes media_type = 2;", "changed type"),
        ("pose.proto", "repeated Measurement", "Measurement", "changed cardinality"),
        ("joint.proto", "  JOINT_NOSE = 1;\n", "", 'Previously present enum value "1"'),
        ("measurement.proto", "SIDE_BOTH = 3;", "SIDE_EACH = 3;", "changed name"),
        (
            "jointtrack_service.proto",
            "rpc Measure(",
            "rpc MeasureAngles(",
            "Previously present RPC",
        ),
        (
            "jointtrack_service.proto",
            "(stream StreamDetectRequest)",
            "(StreamDetectRequest)",
            "client unary",
        ),
        ("image.proto", 'java_package = "jointtrack.v1"', 'java_package = "v1"', "java_package"),
    ],
    ids=[
        "field removed",
        "field renumbered",
        "field renamed",
        "number's type",
        "string to bytes",
        "list to one",
        "enum value removed",
        "enum value renamed",
        "method renamed",
        "stream to one",
        "package in Java",
    ],
)
def test_what_would_break_a_caller(
    contract: Contract, file: str, old: str, new: str, complaint: str
) -> None:
    contract.edit(file, old, new)
    code, said = contract.breaking()
    assert code == 100, said
    assert complaint in said


def test_additions_break_nobody(contract: Contract) -> None:
    contract.edit(
        "pose.proto", "  float x_px = 2;\n", "  float x_px = 2;\n  // Depth.\n  float z_px = 9;\n"
    )
    contract.edit(
        "joint.proto", "  JOINT_NOSE = 1;\n", "  JOINT_NOSE = 1;\n  // Top.\n  JOINT_TOP = 40;\n"
    )
    assert contract.breaking() == (0, "")
    assert contract.lint() == (0, "")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("  // Pixels from the left edge; may lie a little outside the picture.\n", ""),
        ("float x_px = 2;", "float xPx = 2;"),
    ],
    ids=["no comment", "camel case"],
)
def test_style(contract: Contract, old: str, new: str) -> None:
    contract.edit("pose.proto", old, new)
    code, said = contract.lint()
    assert code == 100
    assert "pose.proto:" in said
