"""The documented Python and curl samples, run as they are with their blanks filled in."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

from tests.support.http import Door
from tests.support.servers import DATA

SAMPLE = """
import requests

url = '{url}'
api_key = '{api_key}'
image_path = '{image_path}'

headers = {{
    'X-API-KEY': api_key
}}

with open(image_path, 'rb') as f:
    files = {{'image': f}}
    data = {{
        'measurement': '{measurement}',
        'side': '{side}'
    }}
    response = requests.post(url, headers=headers, files=files, data=data)

if response.status_code == 200:
    print(response.json())
else:
    print(f"Request failed with status code {{response.status_code}}")
    print(response.text)
"""


def run_sample(door: Door, measurement: str, side: str, api_key: str | None = None) -> str:
    script = SAMPLE.format(
        url=f"{door.server.url}/jointtrack/v1/detect",
        api_key=api_key or door.server.api_key,
        image_path=DATA / "arms_out_front.jpg",
        measurement=measurement,
        side=side,
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_python_sample(door: Door, photo: bytes) -> None:
    printed = run_sample(door, "shoulder_abduction,splits", "left")
    assert printed.strip() == str(door.detect(photo, "shoulder_abduction,splits", side="left"))


def test_the_python_sample_when_refused(door: Door) -> None:
    for arguments, status, code in (
        ({"measurement": "neck_rotation", "side": "left"}, 400, "unknown_measurement"),
        ({"measurement": "splits", "side": "up"}, 400, "invalid_side"),
        (
            {"measurement": "splits", "side": "both", "api_key": "YOUR_API_KEY"},
            401,
            "invalid_api_key",
        ),
    ):
        first, text = run_sample(door, **arguments).splitlines()
        assert first == f"Request failed with status code {status}"
        assert json.loads(text)["error"]["code"] == code


def test_the_curl_sample(door: Door, photo: bytes, tmp_path: Path) -> None:
    curl = shutil.which("curl")
    assert curl is not None
    (tmp_path / "image.jpg").write_bytes(photo)
    done = subprocess.run(
        [
            *(curl, "--silent", "--show-error", "-X", "POST"),
            f"{door.server.url}/jointtrack/v1/detect",
            *("-H", f"X-API-Key: {door.server.api_key}"),
            *("-F", "image=@image.jpg", "-F", "measurement=splits", "-F", "side=both"),
        ],
        cwd=tmp_path,
        capture_output=True,
        timeout=60,
        check=True,
    )
    assert json.loads(done.stdout) == door.detect(photo, "splits")
