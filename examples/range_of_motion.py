"""Prints the range of motion of both knees in a video.

python examples/range_of_motion.py VIDEO [HOST:PORT]     needs pip install 'jointtrack[video]'
"""

import sys

from jointtrack import JointTrackClient, JointTrackError, StreamSummary, video_frames


def main(video: str, target: str) -> None:
    with JointTrackClient(target) as client:
        for answer in client.stream(video_frames(video), "knee_flexion"):
            if answer.summary:
                show(answer.summary)


def show(summary: StreamSummary) -> None:
    for name, side in summary.person().angle("knee_flexion").sides.items():
        if side.minimum is None or side.maximum is None:
            print(f"{name}: too rarely measurable")
            continue
        print(
            f"{name}: {side.minimum.value_deg:.0f} to {side.maximum.value_deg:.0f} degrees, "
            f"the most at {side.maximum.capture_offset_s:.1f} s, "
            f"{len(side.repetitions)} repetitions, "
            f"measurable in {side.measurable_share:.0%} of the frames"
        )


if __name__ == "__main__":
    try:
        main(sys.argv[1], *(sys.argv[2:] or ["localhost:50051"]))
    except (JointTrackError, OSError, ValueError) as error:
        sys.exit(str(error))
