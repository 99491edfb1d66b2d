"""Follows a person through a video and prints the knee angles of each frame.

python examples/stream_video.py VIDEO [HOST:PORT]     needs pip install 'jointtrack[video]'
"""

import sys

from jointtrack import JointTrackClient, JointTrackError, video_frames


def main(video: str, target: str) -> None:
    with JointTrackClient(target) as client:
        for answer in client.stream(video_frames(video), "knee_flexion"):
            if answer.detection and answer.detection.people:
                knee = answer.detection.person.angle("knee_flexion")
                print(answer.sequence_id, knee.left, knee.right)


if __name__ == "__main__":
    try:
        main(sys.argv[1], *(sys.argv[2:] or ["localhost:50051"]))
    except (JointTrackError, OSError, ValueError) as error:
        sys.exit(str(error))
