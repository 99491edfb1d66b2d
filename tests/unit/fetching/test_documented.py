from pathlib import Path

import pytest

from jointtrack_server.fetching.refusals import Why

PAGE = (Path(__file__).parents[3] / "docs/grpc-api.md").read_text()


@pytest.mark.parametrize("why", Why)
def test_every_why_is_documented(why: Why) -> None:
    assert f"`{why}`" in PAGE.partition("## Streams")[0]
