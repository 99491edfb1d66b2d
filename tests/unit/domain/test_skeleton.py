import pytest

from jointtrack_server.domain.skeleton import MIRROR_ORDER, Joint, Side


def test_the_joints_are_cocos_in_cocos_order() -> None:
    assert [joint.api_name for joint in Joint] == [
        "nose", "left_eye", "right_eye", "left_ear", "right_ear", "left_shoulder",
        "right_shoulder", "left_elbow", "right_elbow", "left_wrist", "right_wrist", "left_hip",
        "right_hip", "left_knee", "right_knee", "left_ankle", "right_ankle",
    ]  # fmt: skip


def test_opposites_exchange_left_and_right() -> None:
    assert MIRROR_ORDER[Joint.NOSE] is Joint.NOSE
    for joint in Joint:
        assert joint.opposite.opposite is joint
        exchanged = (
            joint.api_name.replace("left", "-").replace("right", "left").replace("-", "right")
        )
        assert joint.opposite.api_name == exchanged


@pytest.mark.parametrize("side", Side)
def test_a_side_names_its_joints(side: Side) -> None:
    assert side.joint("knee").api_name == f"{side}_knee"
    assert side.opposite.joint("knee") is side.joint("knee").opposite
    assert side.opposite.opposite is side
