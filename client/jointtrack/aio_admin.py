"""The asyncio client of an administrator: the same calls as ``jointtrack.admin``, awaited."""

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, cast

from jointtrack import _admin
from jointtrack._aio_shell import AsyncShell
from jointtrack.types import ApiKey, IssuedKey, Plan
from jointtrack.v1 import admin_service_pb2 as pb
from jointtrack.v1.admin_service_pb2_grpc import AdminServiceStub

if TYPE_CHECKING:
    from jointtrack.v1.admin_service_pb2_grpc import AdminServiceAsyncStub


class AsyncJointTrackAdmin(AsyncShell):
    """As ``JointTrackAdmin``, for one event loop: every call is awaited."""

    @property
    def _stub(self) -> "AdminServiceAsyncStub":
        return cast("AdminServiceAsyncStub", AdminServiceStub(self._channel))

    async def create_key(
        self,
        name: str,
        scopes: str | Iterable[str] = (),
        *,
        plan: str | None = None,
        expires_at: datetime | None = None,
        certificate_name: str | None = None,
        timeout_s: float | None = None,
    ) -> IssuedKey:
        """Makes a key; see ``JointTrackAdmin.create_key``."""
        request = _admin.create_key_request(
            name,
            scopes=scopes,
            plan=plan,
            expires_at=expires_at,
            certificate_name=certificate_name,
        )
        response = await self._call(self._stub.CreateKey, request, timeout_s)
        return _admin.issued_key(response)

    async def list_keys(self, *, timeout_s: float | None = None) -> tuple[ApiKey, ...]:
        """All keys, revoked and expired ones included, oldest first."""
        request = pb.ListKeysRequest()
        return _admin.api_keys(await self._call(self._stub.ListKeys, request, timeout_s))

    async def revoke_key(self, key_id: str, *, timeout_s: float | None = None) -> ApiKey:
        """Ends a key, within a second in every server that shares the store."""
        request = _admin.revoke_key_request(key_id)
        response = await self._call(self._stub.RevokeKey, request, timeout_s)
        return _admin.api_key(response.key)

    async def rotate_key(
        self, key_id: str, *, overlap_s: float = 0.0, timeout_s: float | None = None
    ) -> IssuedKey:
        """Gives a key a new text; see ``JointTrackAdmin.rotate_key``."""
        request = _admin.rotate_key_request(key_id, overlap_s)
        response = await self._call(self._stub.RotateKey, request, timeout_s)
        return _admin.issued_key(response)

    async def list_plans(self, *, timeout_s: float | None = None) -> tuple[Plan, ...]:
        """The plans that keys may have, by name."""
        request = pb.ListPlansRequest()
        return _admin.plans(await self._call(self._stub.ListPlans, request, timeout_s))
