"""grpc.health.v1 as probes and load balancers use it: no key, and right from start to stop."""

import asyncio
import re
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from jointtrack_server.app import build
from jointtrack_server.grpc_api.server import ADMIN_SERVICE_NAME, SERVICE_NAME
from jointtrack_server.pipeline.models import load_models
from jointtrack_server.settings import Settings
from tests.support.http2 import grpc_frame, http2_caller
from tests.support.servers import RunningServer
from tests.support.serving import serving
from tests.support.waiting import WAIT_S

Start = Callable[..., RunningServer]
Status = health_pb2.HealthCheckResponse
Ask = health_pb2.HealthCheckRequest

SERVICES = ("", SERVICE_NAME, ADMIN_SERVICE_NAME)


@pytest.fixture
def health(server: RunningServer) -> Iterator[health_pb2_grpc.HealthStub]:
    with grpc.insecure_channel(server.target) as channel:
        yield health_pb2_grpc.HealthStub(channel)


@pytest.mark.parametrize("service", SERVICES)
def test_each_service_is_serving(health: health_pb2_grpc.HealthStub, service: str) -> None:
    assert health.Check(Ask(service=service), timeout=WAIT_S).status == Status.SERVING
    watch = health.Watch(Ask(service=service), timeout=WAIT_S)
    assert next(watch).status == Status.SERVING
    watch.cancel()


def test_all_are_listed(health: health_pb2_grpc.HealthStub) -> None:
    listed = health.List(health_pb2.HealthListRequest(), timeout=WAIT_S).statuses
    assert {name: one.status for name, one in listed.items()} == dict.fromkeys(
        SERVICES, Status.SERVING
    )


def test_a_service_that_does_not_exist(health: health_pb2_grpc.HealthStub) -> None:
    unknown = Ask(service="jointtrack.v1.Other")
    with pytest.raises(grpc.RpcError) as caught:
        health.Check(unknown, timeout=WAIT_S)
    assert isinstance(caught.value, grpc.Call)
    assert caught.value.code() is grpc.StatusCode.NOT_FOUND
    watch = health.Watch(unknown, timeout=WAIT_S)
    assert next(watch).status == Status.SERVICE_UNKNOWN
    watch.cancel()


async def test_nobody_is_answered_before_the_start(tmp_path: Path) -> None:
    settings = Settings(grpc_port=0, http_port=0, data_dir=tmp_path, auth=False, preload="none")
    app = await build(settings, await asyncio.to_thread(load_models, settings))
    async with grpc.aio.insecure_channel(f"127.0.0.1:{app.grpc_door.port}") as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        asking = asyncio.ensure_future(_status(stub))
        done, _ = await asyncio.wait([asking], timeout=0.5)
        assert not done
        await app.start()
        assert await asking == Status.SERVING
    await app.stop()


async def _status(stub: health_pb2_grpc.HealthStub) -> int:
    answer = await stub.Check(Ask(), wait_for_ready=True)
    return int(answer.status)


def test_watchers_are_told_at_sigterm(tmp_path: Path) -> None:
    with serving(tmp_path / "run", "--data-dir", str(tmp_path / "data"), "--no-auth") as served:
        match = re.search(r"gRPC on (\S+)", served.text)
        assert match is not None
        with grpc.insecure_channel(match.group(1)) as channel:
            stub = health_pb2_grpc.HealthStub(channel)
            watches = [stub.Watch(Ask(service=one), timeout=WAIT_S) for one in SERVICES]
            assert [next(one).status for one in watches] == [Status.SERVING] * 3
            served.process.send_signal(signal.SIGTERM)
            assert [next(one).status for one in watches] == [Status.NOT_SERVING] * 3
            for one in watches:
                with pytest.raises(grpc.RpcError) as caught:
                    next(one)
                assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
        assert served.process.wait(WAIT_S) == 0


def test_watchers_do_not_hold_up_the_stop(start_server: Start) -> None:
    server = start_server(preload="none", drain_grace_s=600.0)
    with grpc.insecure_channel(server.target) as channel:
        watch = health_pb2_grpc.HealthStub(channel).Watch(Ask())
        assert next(watch).status == Status.SERVING
        server.stop(WAIT_S)
        assert next(watch).status == Status.NOT_SERVING


def test_watchers_who_take_no_answer_hold_up_the_stop_for_its_grace_only(
    start_server: Start,
) -> None:
    server = start_server(preload="none", drain_grace_s=1.0)
    with http2_caller(server.target, window=0) as deaf:
        watch = deaf.call("/grpc.health.v1.Health/Watch", grpc_frame(b""))
        while not deaf.headers[watch]:
            deaf.receive()
        server.stop(WAIT_S)
