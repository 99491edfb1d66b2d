"""A client that a program has made from docs/openapi.json calls the server."""

import base64
import subprocess
import sys
from importlib import import_module
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from tests.support.http import Door

ROOT = Path(__file__).parents[2]


@pytest.fixture
def generated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The package, from openapi-python-client."""
    config = tmp_path / "config.yml"
    config.write_text("post_hooks: []\n")
    command = [sys.executable, "-m", "openapi_python_client", "generate", "--meta", "none"]
    command += ["--path", str(ROOT / "docs/openapi.json"), "--config", str(config)]
    command += ["--output-path", str(tmp_path / "jointtrack_rest"), "--fail-on-warning"]
    subprocess.run(command, check=True, timeout=120, capture_output=True)
    monkeypatch.syspath_prepend(tmp_path)
    return import_module("jointtrack_rest")


def test_a_generated_client(generated: Any, door: Door, photo: bytes) -> None:
    models = import_module("jointtrack_rest.models")
    detect = import_module("jointtrack_rest.api.detection.detect")
    file = import_module("jointtrack_rest.types").File
    client = generated.AuthenticatedClient(
        door.server.url, token=door.server.api_key, prefix="", auth_header_name="X-API-Key"
    )
    splits, abduction = models.MeasurementName.SPLITS, models.MeasurementName.SHOULDER_ABDUCTION
    text = base64.b64encode(photo).decode()
    with client:
        whole = models.DetectMultipart(
            measurement=[abduction, splits],
            image=file(payload=BytesIO(photo), file_name="a.jpg", mime_type="image/jpeg"),
            strict=True,
            people=2,
            side=models.Side.BOTH,
        )
        answer = detect.sync(client=client, body=whole)
        assert answer.measurements[0].value.to_dict() == {"left": 71, "right": 51}
        assert [one.name for one in answer.people[0].measurements] == [abduction, splits]

        details = models.DetectJson(
            measurement=[splits], image_base64=text, include=list(models.Include), mirrored=False
        )
        answer = detect.sync(client=client, body=details, x_request_id="mine")
        assert answer.model.name == "movenet-thunder"
        assert len(answer.keypoints) == 17
        assert answer.measurements[0].components.left > 0

        form = models.DetectForm(measurement=[splits], image=text, strict=False)
        assert detect.sync(client=client, body=form).measurements[0].value.left is not None

        refused = detect.sync_detailed(
            client=client, body=models.DetectForm(measurement=[splits], image="aGk=")
        )
        assert (refused.status_code, refused.parsed.error.code) == (400, "invalid_image")
