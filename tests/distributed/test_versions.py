"""Models on the cluster that cannot be used, as other servers have left them. Runs after the other
tests, whose replicas must be the only ones."""

import json
import subprocess
import sys

from tests.distributed.conftest import SERVE, TOKEN
from tests.support.command import ENVIRONMENT, assert_refused, run
from tests.support.replicas import THUNDER

LIMIT_S = 180.0
START_S = "10"
CLEAR = """
import sys, ray
from ray import serve
from jointtrack_server.distributed.options import APPLICATION
ray.init(sys.argv[1], log_to_driver=False)
serve.delete(APPLICATION)
"""
OTHER_VERSION = """
import sys, time, ray
from ray import serve
from jointtrack_server.distributed.options import APPLICATION
from jointtrack_server.distributed.serve_app import ReplicaInfo
from jointtrack_server.engines.catalogue import CATALOGUE, find_spec

INFO = ReplicaInfo(
    server_version="0.0.7", engine="openvino", device="CPU", precision="f32", reason="",
    origins={}, versions={spec.name: spec.version for spec in CATALOGUE}, models={},
)

class Replica:
    async def info(self):
        return INFO

ray.init(sys.argv[1], log_to_driver=False)
end_s = time.monotonic() + 30
while APPLICATION in serve.status().applications:
    assert time.monotonic() < end_s, "what could not be started is still there"
    time.sleep(0.1)
deployed = serve.deployment(name=find_spec().name, ray_actor_options={"num_cpus": 0})(Replica)
serve.run(deployed.bind(), name=APPLICATION, route_prefix=None)
"""


def on_cluster(script: str, cluster: str) -> None:
    subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script, cluster],
        env={**ENVIRONMENT, **TOKEN},
        timeout=LIMIT_S,
        check=True,
    )


def test_models_that_cannot_start_make_way_and_those_of_another_version_are_refused(
    cluster: str,
) -> None:
    joining = (*SERVE, "--ray-address", cluster)
    paths = json.dumps({THUNDER: "/nowhere"})
    assert_refused(
        run(*joining, **TOKEN, JOINTTRACK_MODEL_PATHS=paths), "/nowhere is no SavedModel"
    )
    on_cluster(OTHER_VERSION, cluster)
    assert_refused(run(*joining, **TOKEN), "jointtrack 0.0.7", "deploy the application again")


def test_models_that_find_no_room_are_waited_for_as_long_as_allowed(cluster: str) -> None:
    on_cluster(CLEAR, cluster)
    asked = {
        **TOKEN,
        "JOINTTRACK_RAY_MODELS": json.dumps({THUNDER: {"cpus": 64}}),
        "JOINTTRACK_RAY_START_S": START_S,
    }
    for _ in range(2):  # the second server finds them waiting
        refused = run(*SERVE, "--ray-address", cluster, **asked)
        assert_refused(refused, f"after {START_S} s: ", f"{THUNDER} is ", "serve shutdown")
