"""The server that tutorials show: a gRPC thread pool around TensorFlow Hub. Kept to compare with.

The same Lightning weights, one inference a picture, keypoints as the answer.
"""

from concurrent.futures import ThreadPoolExecutor

import grpc
import numpy as np
import tensorflow as tf
import tensorflow_hub as hub

from bench.bare import decode
from jointtrack.v1 import joint_pb2
from jointtrack.v1 import jointtrack_service_pb2 as service_pb2
from jointtrack_server.engines.catalogue import find_spec
from jointtrack_server.engines.sources import locate

JOINTS = joint_pb2.Joint.values()[1:]


class Detector:
    """Answers Detect, whatever the options."""

    def __init__(self) -> None:
        folder = str(locate(find_spec("movenet-lightning")))
        self.movenet = hub.load(folder).signatures["serving_default"]

    def detect(
        self, request: service_pb2.DetectRequest, context: object
    ) -> service_pb2.DetectResponse:
        picture = decode(np.frombuffer(request.image.encoded, np.uint8))
        tensor = tf.cast(tf.image.resize_with_pad(picture[None], 192, 192), tf.int32)
        keypoints = self.movenet(input=tensor)["output_0"].numpy()[0, 0]
        response = service_pb2.DetectResponse()
        person = response.detection.people.add()
        for joint, (y, x, score) in zip(JOINTS, keypoints.tolist(), strict=True):
            person.keypoints.add(joint=joint, x_px=x, y_px=y, score=score)
        return response


def main() -> None:
    server = grpc.server(ThreadPoolExecutor(8))
    detect = grpc.unary_unary_rpc_method_handler(
        Detector().detect,
        service_pb2.DetectRequest.FromString,
        service_pb2.DetectResponse.SerializeToString,
    )
    service = grpc.method_handlers_generic_handler(
        "jointtrack.v1.JointTrackService", {"Detect": detect}
    )
    server.add_generic_rpc_handlers((service,))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(f"gRPC on 127.0.0.1:{port}", flush=True)
    server.wait_for_termination()


if __name__ == "__main__":
    main()
