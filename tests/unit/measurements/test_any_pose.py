"""Whatever a model answers, a measurement is a plausible value or a reason."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from jointtrack_server.domain.skeleton import JOINT_COUNT
from jointtrack_server.domain.types import ImageSize, MeasureOptions, Pose
from jointtrack_server.measurements import MEASUREMENTS, measure

# Few places, so that keypoints often coincide.
coordinates = st.one_of(
    st.sampled_from([0.0, 100.0, 200.0, 300.0]),
    st.floats(-50.0, 450.0, width=32),
    st.just(float("nan")),
)
keypoints = st.tuples(coordinates, coordinates, st.sampled_from([0.0, 0.29, 0.3, 0.49, 0.5, 1.0]))


@settings(max_examples=150, deadline=None)
@given(rows=st.lists(keypoints, min_size=JOINT_COUNT, max_size=JOINT_COUNT))
def test_every_side_has_a_plausible_value_or_a_reason(
    rows: list[tuple[float, float, float]],
) -> None:
    pose = Pose(np.array(rows, dtype=np.float32), ImageSize(400, 400))
    for measurement in measure(pose, MeasureOptions(names=tuple(MEASUREMENTS))):
        lowest, highest = MEASUREMENTS[measurement.name].plausible
        for value in measurement.sides.values():
            if value.value_deg is None:
                assert value.reason is not None
            else:
                assert value.reason is None
                assert lowest <= value.value_deg <= highest
                assert value.confidence >= np.float32(0.3)
                assert value.figure is not None
                assert np.isfinite(value.figure.vertex).all()
