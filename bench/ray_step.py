"""The engine step as Ray's own replicas do it: decode, one pass, keypoints."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import cv2

from jointtrack.v1 import joint_pb2, jointtrack_service_pb2
from jointtrack_server.domain.crop import whole_picture
from jointtrack_server.domain.types import ImageSize, Keypoints
from jointtrack_server.engines.catalogue import find_spec
from jointtrack_server.engines.select import create_engine
from jointtrack_server.engines.sources import locate
from jointtrack_server.imaging.decode import ImageLimits, decode_file
from jointtrack_server.pipeline.estimate import estimate

MODEL = "movenet-lightning"
JOINTS = joint_pb2.Joint.values()[1:]
LIMITS = ImageLimits(1 << 30, 1 << 30)


class Step:
    """One model, one inference at a time, off the event loop."""

    def __init__(self) -> None:
        cv2.setNumThreads(1)
        spec = find_spec(MODEL)
        self.model = create_engine(streams=1, solo_threads=1).load(spec, locate(spec))
        self.thread = ThreadPoolExecutor(1)

    async def of_file(self, data: bytes) -> Keypoints:
        return await asyncio.get_running_loop().run_in_executor(self.thread, self._estimate, data)

    def _estimate(self, data: bytes) -> Keypoints:
        size_px = self.model.spec.input_size_px
        pixels = decode_file(data, LIMITS, min_long_side_px=size_px).pixels
        return estimate(pixels, whole_picture(ImageSize.of(pixels)), self.model)[0].keypoints


def answer(keypoints: Keypoints) -> jointtrack_service_pb2.Detection:
    """One person."""
    detection = jointtrack_service_pb2.Detection()
    person = detection.people.add()
    for joint, (x, y, score) in zip(JOINTS, keypoints.tolist(), strict=True):
        person.keypoints.add(joint=joint, x_px=x, y_px=y, score=score)
    return detection
