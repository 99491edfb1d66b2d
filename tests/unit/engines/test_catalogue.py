import pytest

from jointtrack_server.engines.catalogue import CATALOGUE, find_spec
from jointtrack_server.errors import JointTrackError, Reason

KNOWN = "movenet-lightning 4, movenet-thunder 4, movenet-multipose 1"


def test_nothing_asked_for_is_the_default_model() -> None:
    assert find_spec().title == "movenet-thunder 4"
    assert [spec.name for spec in CATALOGUE if spec.is_default] == ["movenet-thunder"]


@pytest.mark.parametrize(
    ("name", "version", "title", "input_size_px", "max_people"),
    [
        ("movenet-lightning", "", "movenet-lightning 4", 192, 1),
        ("movenet-thunder", "4", "movenet-thunder 4", 256, 1),
        ("movenet-multipose", "1", "movenet-multipose 1", 256, 6),
        ("", "4", "movenet-thunder 4", 256, 1),
    ],
)
def test_a_model_is_found_by_name_and_version(
    name: str, version: str, title: str, input_size_px: int, max_people: int
) -> None:
    spec = find_spec(name, version)
    assert (spec.title, spec.input_size_px, spec.max_people) == (title, input_size_px, max_people)


def test_handles_and_folders_follow_tf_hub() -> None:
    for spec in CATALOGUE:
        path = spec.tfhub_handle.removeprefix("https://tfhub.dev/google/")
        assert spec.embedded_folder.as_posix().endswith(f"weights/{path}")
        assert path.endswith(f"/{spec.version}")


@pytest.mark.parametrize(
    ("name", "version", "reason", "field", "metadata"),
    [
        (
            "movenet-huge",
            "",
            Reason.UNKNOWN_MODEL,
            "options.model",
            {"model": "movenet-huge", "known_models": KNOWN},
        ),
        (
            "movenet-thunder",
            "3",
            Reason.UNKNOWN_MODEL,
            "options.model_version",
            {"model": "movenet-thunder", "model_version": "3", "known_models": KNOWN},
        ),
        (
            "",
            "1",
            Reason.UNKNOWN_MODEL,
            "options.model_version",
            {"model": "movenet-thunder", "model_version": "1", "known_models": KNOWN},
        ),
        (
            "movenet-thunder,movenet-lightning",
            "",
            Reason.AMBIGUOUS_MODEL,
            "options.model",
            {"model": "movenet-thunder,movenet-lightning", "known_models": KNOWN},
        ),
    ],
)
def test_a_model_that_is_not_there_is_refused(
    name: str, version: str, reason: Reason, field: str, metadata: dict[str, str]
) -> None:
    with pytest.raises(JointTrackError) as caught:
        find_spec(name, version)
    assert (caught.value.reason, caught.value.field) == (reason, field)
    assert caught.value.metadata == metadata
    assert all(value in caught.value.message for value in metadata.values())
