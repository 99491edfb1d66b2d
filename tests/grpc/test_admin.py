"""AdminService: what each call does to a running server."""

import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta

import grpc
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from jointtrack.v1 import admin_service_pb2 as pb
from jointtrack.v1 import image_pb2
from jointtrack.v1 import jointtrack_service_pb2 as service_pb2
from jointtrack.v1.jointtrack_service_pb2_grpc import JointTrackServiceStub
from jointtrack_server.grpc_api.server import ADMIN_SERVICE_NAME
from tests.support.admin import REQUESTS, Admin, is_admitted, refusal
from tests.support.servers import RunningServer


def stamp(moment: datetime) -> Timestamp:
    timestamp = Timestamp()
    timestamp.FromDatetime(moment)
    return timestamp


def test_every_call_of_the_contract_is_tested_below() -> None:
    contract = pb.DESCRIPTOR.services_by_name["AdminService"]
    assert {method.name for method in contract.methods} == set(REQUESTS)


def test_a_key_made_with_a_name_alone(admin: Admin, service: JointTrackServiceStub) -> None:
    before = datetime.now(UTC) - timedelta(seconds=5)
    made = admin.CreateKey(pb.CreateKeyRequest(name="clinic"))
    key = made.key
    assert made.key_text.startswith(f"jt_{key.key_id}_")
    assert list(key.scopes) == [pb.SCOPE_DETECT, pb.SCOPE_STREAM]
    assert (key.name, key.plan, key.certificate_name) == ("clinic", "unlimited", "")
    assert key.month_pictures == 0
    assert not key.HasField("expire_time")
    assert not key.HasField("revoke_time")
    assert before < key.create_time.ToDatetime(UTC) < before + timedelta(minutes=5)
    assert is_admitted(service, (("x-api-key", made.key_text),))


def test_a_key_made_with_everything(admin: Admin) -> None:
    ends = datetime(2099, 1, 31, 12, 30, tzinfo=UTC)
    key, _ = admin.create(
        name="клиника 🦴",
        scopes=[pb.SCOPE_ADMIN, pb.SCOPE_DETECT, pb.SCOPE_DETECT],
        plan="trial",
        expire_time=stamp(ends),
        certificate_name="spiffe://clinic/all",
    )
    assert list(key.scopes) == [pb.SCOPE_DETECT, pb.SCOPE_ADMIN]
    assert (key.name, key.plan) == ("клиника 🦴", "trial")
    assert key.expire_time.ToDatetime(UTC) == ends
    assert key.certificate_name == "spiffe://clinic/all"
    assert admin.find(key.key_id) == key


def test_the_list_is_oldest_first_and_holds_no_text(admin: Admin) -> None:
    made = [admin.CreateKey(pb.CreateKeyRequest(name=name)) for name in ("a", "b", "c")]
    listed = admin.ListKeys(pb.ListKeysRequest())
    assert [key.key_id for key in listed.keys[-3:]] == [one.key.key_id for one in made]
    assert listed.keys[0].name == "first key"
    wire = listed.SerializeToString()
    for one in made:
        secret = one.key_text.removeprefix(f"jt_{one.key.key_id}_")
        assert secret.encode() not in wire


def test_pictures_are_counted_by_key(
    admin: Admin, service: JointTrackServiceStub, photo: bytes
) -> None:
    key, metadata = admin.create(plan="trial")
    other, _ = admin.create(plan="trial")
    request = service_pb2.DetectRequest(image=image_pb2.Image(encoded=photo))
    service.Detect(request, metadata=metadata)
    assert admin.find(key.key_id).month_pictures == 1
    assert admin.find(other.key_id).month_pictures == 0


def test_a_revoked_key_is_refused_within_a_second(
    admin: Admin, service: JointTrackServiceStub
) -> None:
    key, metadata = admin.create()
    assert is_admitted(service, metadata)
    revoked = admin.RevokeKey(pb.RevokeKeyRequest(key_id=key.key_id)).key
    assert revoked.revoke_time.ToDatetime(UTC) >= key.create_time.ToDatetime(UTC)
    time.sleep(1.0)
    assert not is_admitted(service, metadata)
    assert admin.find(key.key_id) == revoked


def test_an_admin_who_revokes_himself_is_refused_too(admin: Admin, channel: grpc.Channel) -> None:
    key, metadata = admin.create(scopes=[pb.SCOPE_ADMIN])
    himself = Admin(channel, metadata)
    himself.RevokeKey(pb.RevokeKeyRequest(key_id=key.key_id))
    time.sleep(1.0)
    error = refusal(lambda: himself.ListKeys(pb.ListKeysRequest()))
    assert error.info.reason == "INVALID_API_KEY"


def test_a_key_ends_when_it_was_said_to(admin: Admin, service: JointTrackServiceStub) -> None:
    ends = datetime.now(UTC) + timedelta(seconds=5)
    key, metadata = admin.create(expire_time=stamp(ends))
    assert is_admitted(service, metadata)
    time.sleep((ends - datetime.now(UTC)).total_seconds() + 1.0)
    assert not is_admitted(service, metadata)
    assert admin.find(key.key_id).expire_time.ToDatetime(UTC) == ends


def test_a_rotated_key_opens_with_both_texts_and_then_with_the_new_one(
    admin: Admin, service: JointTrackServiceStub
) -> None:
    key, old = admin.create(name="clinic", plan="trial", certificate_name="spiffe://clinic/turn")
    request = pb.RotateKeyRequest(key_id=key.key_id, overlap=Duration(seconds=5))
    rotated = admin.RotateKey(request)
    ends_s = time.monotonic() + 5.0
    assert rotated.key == key
    assert rotated.key_text.startswith(f"jt_{key.key_id}_")
    new = (("x-api-key", rotated.key_text),)
    assert is_admitted(service, new), "the server knows of the change"
    assert is_admitted(service, old)
    time.sleep(max(0.0, ends_s - time.monotonic()) + 1.0)
    assert not is_admitted(service, old)
    assert is_admitted(service, new)


def test_without_an_overlap_the_old_text_ends_within_a_second(
    admin: Admin, service: JointTrackServiceStub
) -> None:
    key, old = admin.create()
    rotated = admin.RotateKey(pb.RotateKeyRequest(key_id=key.key_id))
    time.sleep(1.0)
    assert not is_admitted(service, old)
    assert is_admitted(service, (("x-api-key", rotated.key_text),))


def test_plans_are_listed_with_their_limits(admin: Admin) -> None:
    plans = {plan.name: plan for plan in admin.ListPlans(pb.ListPlansRequest()).plans}
    assert list(plans) == sorted(plans)
    trial, unlimited = plans["trial"], plans["unlimited"]
    assert (trial.month_pictures, trial.minute_requests, trial.max_streams) == (100, 60, 1)
    assert unlimited == pb.Plan(name="unlimited")
    for field in ("month_pictures", "minute_requests", "max_streams"):
        assert not unlimited.HasField(field)


def test_others_are_served_while_a_call_waits_for_the_store(
    admin: Admin, service: JointTrackServiceStub, keyed_server: RunningServer
) -> None:
    path = next(keyed_server.app.settings.data_dir.glob("access.sqlite3"))
    with closing(sqlite3.connect(path)) as writer, ThreadPoolExecutor(1) as pool:
        writer.execute("BEGIN IMMEDIATE")
        waiting = pool.submit(admin.create)
        for _ in range(20):
            assert is_admitted(service, keyed_server.metadata)
        assert not waiting.done()
        writer.rollback()
        key, metadata = waiting.result(30)
    assert is_admitted(service, metadata)
    assert admin.find(key.key_id) == key


def test_health_and_reflection_know_the_service(channel: grpc.Channel) -> None:
    check = health_pb2.HealthCheckRequest(service=ADMIN_SERVICE_NAME)
    health = health_pb2_grpc.HealthStub(channel).Check(check)
    assert health.status == health_pb2.HealthCheckResponse.SERVING
    stub = reflection_pb2_grpc.ServerReflectionStub(channel)
    request = reflection_pb2.ServerReflectionRequest(list_services="")
    (answer,) = stub.ServerReflectionInfo(iter([request]))
    assert ADMIN_SERVICE_NAME in {one.name for one in answer.list_services_response.service}
