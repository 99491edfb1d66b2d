"""The engines agree with each other on real pictures, and answer from many threads as from one."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from numpy.typing import NDArray

from jointtrack_server.domain.skeleton import JOINT_COUNT
from jointtrack_server.engines.base import PoseModel
from jointtrack_server.engines.catalogue import ModelSpec, find_spec

LoadModel = Callable[[str, ModelSpec], PoseModel]
Letterbox = Callable[[str, ModelSpec], NDArray[np.uint8]]

PICTURES = ("walk_side.jpg", "two_people.jpg", "arms_out_front.jpg")
MAX_F32_DIFFERENCE = 0.002
MIN_PERSON_SCORE = 0.3


def poses(model: PoseModel, tensor: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(people, 17, 3): y, x, score; of MultiPose only people it is sure of."""
    output = model.infer(tensor)
    if model.spec.max_people > 1:
        output = output[output[:, -1] > MIN_PERSON_SCORE]
    return output.reshape(len(output), -1)[:, : JOINT_COUNT * 3].reshape(-1, JOINT_COUNT, 3)


@pytest.mark.parametrize("name", PICTURES)
def test_tensorflow_and_openvino_give_the_same_keypoints(
    name: str, spec: ModelSpec, load_model: LoadModel, letterboxed: Letterbox
) -> None:
    tensor = letterboxed(name, spec)
    openvino = poses(load_model("openvino_f32", spec), tensor)
    tensorflow = poses(load_model("tensorflow_f32", spec), tensor)
    assert openvino.shape == tensorflow.shape
    assert len(openvino) >= 1
    np.testing.assert_allclose(openvino, tensorflow, rtol=0, atol=MAX_F32_DIFFERENCE)


@pytest.mark.parametrize("engine", ["openvino_f32", "tensorflow_f32"])
def test_keypoints_lie_on_the_walker(
    engine: str, load_model: LoadModel, letterboxed: Letterbox
) -> None:
    spec = find_spec("movenet-thunder")
    (pose,) = poses(load_model(engine, spec), letterboxed("walk_side.jpg", spec))
    y, x, score = pose.T
    assert score.mean() > 0.4
    assert y[0] < y[11:13].min() < y[13:15].min() < y[15:17].max()  # nose, hips, knees, ankles
    assert 0.3 < np.ptp(y) < 0.4
    assert np.all((x > 0.55) & (x < 0.8))


# Two people are left out: one or the other may win in a single-pose model.
@pytest.mark.parametrize("name", ["walk_side.jpg", "arms_out_front.jpg"])
def test_the_fast_precision_stays_near_f32(
    name: str, spec: ModelSpec, load_model: LoadModel, letterboxed: Letterbox
) -> None:
    tensor = letterboxed(name, spec)
    exact = poses(load_model("openvino_f32", spec), tensor)
    fast = poses(load_model("openvino_auto", spec), tensor)
    assert fast.shape == exact.shape
    seen = exact[..., 2] > MIN_PERSON_SCORE
    moved = np.linalg.norm(fast[..., :2] - exact[..., :2], axis=-1)[seen]
    assert np.median(moved) < 0.01


@pytest.mark.parametrize("engine", ["openvino_auto", "tensorflow_f32"])
def test_many_threads_get_their_own_answers(
    engine: str, load_model: LoadModel, letterboxed: Letterbox
) -> None:
    spec = find_spec("movenet-lightning")
    model = load_model(engine, spec)
    tensors = [letterboxed(name, spec) for name in PICTURES] * 8
    alone = [model.infer(tensor) for tensor in tensors[: len(PICTURES)]] * 8
    with ThreadPoolExecutor(max_workers=6) as pool:
        together = list(pool.map(model.infer, tensors))
    np.testing.assert_allclose(together, alone, rtol=0, atol=1e-6)
    assert not np.allclose(alone[0], alone[1], atol=0.01)


@pytest.mark.parametrize("engine", ["openvino_f32", "tensorflow_f32"])
def test_an_answer_is_the_callers_to_keep(
    engine: str, spec: ModelSpec, load_model: LoadModel, letterboxed: Letterbox
) -> None:
    model = load_model(engine, spec)
    answer = model.infer(letterboxed("walk_side.jpg", spec))
    before = answer.copy()
    model.infer(letterboxed("two_people.jpg", spec))
    np.testing.assert_array_equal(answer, before)
    assert answer.shape == ((1, 17, 3) if spec.max_people == 1 else (6, 56))
    assert answer.dtype == np.float32
    answer[:] = 0
    assert model.infer(letterboxed("walk_side.jpg", spec)).any()


@pytest.mark.parametrize("engine", ["openvino_f32", "tensorflow_f32"])
@pytest.mark.parametrize(
    "tensor",
    [
        np.zeros((1, 192, 192, 3), np.uint8),
        np.zeros((1, 1, 3), np.uint8),
        np.zeros((192, 192, 3), np.float32),
    ],
    ids=["batch", "would-broadcast", "float"],
)
def test_a_tensor_of_another_shape_or_type_is_refused(
    engine: str, tensor: NDArray[np.uint8], load_model: LoadModel
) -> None:
    model = load_model(engine, find_spec("movenet-lightning"))
    with pytest.raises(ValueError, match=r"movenet-lightning 4 takes a uint8 array of shape"):
        model.infer(tensor)
