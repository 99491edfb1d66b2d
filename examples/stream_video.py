"""Follows a person through a video file and prints the knee angles of each frame.

python examples/stream_video.py VIDEO [HOST:PORT]     needs opencv-python-headless
"""

import sys
from collections.abc import Iterator

import cv2

from jointtrack import FrameDetection, JointTrackClient, PixelFormat, RawImage


def frames(video: cv2.VideoCapture) -> Iterator[RawImage]:
    while (read := video.read())[0]:
        yield RawImage.from_array(read[1], PixelFormat.BGR24)


def main(path: str, target: str) -> None:
    video = cv2.VideoCapture(path)
    with JointTrackClient(target) as client:
        for answer in client.stream(frames(video), "knee_flexion", fps=video.get(cv2.CAP_PROP_FPS)):
            if isinstance(answer, FrameDetection) and answer.detection.people:
                knee = answer.detection.person.angle("knee_flexion")
                print(answer.sequence_id, knee.left, knee.right)


if __name__ == "__main__":
    main(sys.argv[1], *(sys.argv[2:] or ["localhost:50051"]))
