"""The models the server knows: names, versions, where their weights are and what they answer."""

from dataclasses import dataclass
from pathlib import Path

from jointtrack_server.domain.skeleton import JOINT_COUNT
from jointtrack_server.errors import JointTrackError, Reason, shown

WEIGHTS_FOLDER = Path(__file__).resolve().parent.parent / "weights"


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """One version of one model.

    ``embedded_folder`` is its SavedModel inside this package and ``saved_model_sha256`` the SHA-256
    of the ``saved_model.pb`` in it. The input is a square of ``input_size_px`` pixels a side.
    """

    name: str
    version: str
    tfhub_handle: str
    input_size_px: int
    max_people: int
    embedded_folder: Path
    saved_model_sha256: str
    is_default: bool = False

    @property
    def title(self) -> str:
        """Such as "movenet-thunder 4"."""
        return f"{self.name} {self.version}"

    @property
    def input_shape(self) -> tuple[int, int, int, int]:
        """Batch, height, width, RGB."""
        return (1, self.input_size_px, self.input_size_px, 3)

    @property
    def output_shape(self) -> tuple[int, ...]:
        """With the batch first; without it, what ``PoseModel.infer`` returns."""
        if self.max_people == 1:
            return (1, 1, JOINT_COUNT, 3)
        return (1, self.max_people, JOINT_COUNT * 3 + 5)


def _movenet(
    name: str,
    path: str,
    *,
    input_size_px: int,
    max_people: int,
    sha256: str,
    is_default: bool = False,
) -> ModelSpec:
    return ModelSpec(
        name=name,
        version=path.rpartition("/")[2],
        tfhub_handle=f"https://tfhub.dev/google/movenet/{path}",
        input_size_px=input_size_px,
        max_people=max_people,
        embedded_folder=WEIGHTS_FOLDER / "movenet" / path,
        saved_model_sha256=sha256,
        is_default=is_default,
    )


CATALOGUE: tuple[ModelSpec, ...] = (
    _movenet(
        "movenet-lightning",
        "singlepose/lightning/4",
        input_size_px=192,
        max_people=1,
        sha256="ff401eb09a1710069b684ea1bb7082e54fff07eb034e0dc353f416e78d939159",
    ),
    _movenet(
        "movenet-thunder",
        "singlepose/thunder/4",
        input_size_px=256,
        max_people=1,
        sha256="621bcd09f5c736faee23239832478cadec5409074dd28480383a4bca0380f9c5",
        is_default=True,
    ),
    # MultiPose takes any multiple of 32; TF Hub recommends 256, and 512 misses large people.
    _movenet(
        "movenet-multipose",
        "multipose/lightning/1",
        input_size_px=256,
        max_people=6,
        sha256="ca61d49f2b3b28ef381b46799d493966a4cd939be34aea562d2abc9289170d6e",
    ),
)


def find_spec(name: str = "", version: str = "") -> ModelSpec:
    """The model called ``name`` in that version; "" is the default model and the latest version.

    Raises JointTrackError: AMBIGUOUS_MODEL if ``name`` lists several models, UNKNOWN_MODEL if the
    catalogue has no such model or version.
    """
    if "," in name:
        raise JointTrackError(
            Reason.AMBIGUOUS_MODEL,
            f'"{shown(name)}" names more than one model; name one of: {_known_models()}',
            field="options.model",
            metadata={"model": shown(name), "known_models": _known_models()},
        )
    versions = [spec for spec in CATALOGUE if (spec.name == name if name else spec.is_default)]
    if not versions:
        raise JointTrackError(
            Reason.UNKNOWN_MODEL,
            f'unknown model "{shown(name)}"; the models are: {_known_models()}',
            field="options.model",
            metadata={"model": shown(name), "known_models": _known_models()},
        )
    if not version:
        return max(versions, key=lambda spec: int(spec.version))
    for spec in versions:
        if spec.version == version:
            return spec
    raise JointTrackError(
        Reason.UNKNOWN_MODEL,
        f'{versions[0].name} has no version "{shown(version)}"; the models are: {_known_models()}',
        field="options.model_version",
        metadata={
            "model": versions[0].name,
            "model_version": shown(version),
            "known_models": _known_models(),
        },
    )


def _known_models() -> str:
    return ", ".join(spec.title for spec in CATALOGUE)
