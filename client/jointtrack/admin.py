"""The blocking client of an administrator: keys and plans."""

from collections.abc import Iterable
from datetime import datetime
from functools import cached_property

from jointtrack import _admin
from jointtrack._shell import BlockingShell
from jointtrack.types import ApiKey, IssuedKey, Plan
from jointtrack.v1 import admin_service_pb2 as pb
from jointtrack.v1.admin_service_pb2_grpc import AdminServiceStub


class JointTrackAdmin(BlockingShell):
    """A server's keys and plans, for any number of threads; ``api_key`` needs the scope "admin".

    Parameters and errors are those of ``JointTrackClient``. Only lists are tried again after
    UNAVAILABLE: a key must not be made or rotated twice.
    """

    @cached_property
    def _stub(self) -> AdminServiceStub:
        return AdminServiceStub(self._channel)

    def create_key(
        self,
        name: str,
        scopes: str | Iterable[str] = (),
        *,
        plan: str | None = None,
        expires_at: datetime | None = None,
        certificate_name: str | None = None,
        timeout_s: float | None = None,
    ) -> IssuedKey:
        """Makes a key; its text is in the answer and nowhere else.

        ``name``: who or what it is for. ``scopes``: Scope or its string; default "detect" and
        "stream". ``plan``: a name from ``list_plans``; default "unlimited". ``expires_at``: with
        its time zone; default never. ``certificate_name``: the alternative name (URI or DNS) or
        common name of a client certificate, which then stands for the key.
        """
        request = _admin.create_key_request(
            name,
            scopes=scopes,
            plan=plan,
            expires_at=expires_at,
            certificate_name=certificate_name,
        )
        return _admin.issued_key(self._call(self._stub.CreateKey, request, timeout_s))

    def list_keys(self, *, timeout_s: float | None = None) -> tuple[ApiKey, ...]:
        """All keys, revoked and expired ones included, oldest first."""
        return _admin.api_keys(self._call(self._stub.ListKeys, pb.ListKeysRequest(), timeout_s))

    def revoke_key(self, key_id: str, *, timeout_s: float | None = None) -> ApiKey:
        """Ends a key, within a second in every server that shares the store."""
        request = _admin.revoke_key_request(key_id)
        return _admin.api_key(self._call(self._stub.RevokeKey, request, timeout_s).key)

    def rotate_key(
        self, key_id: str, *, overlap_s: float = 0.0, timeout_s: float | None = None
    ) -> IssuedKey:
        """Gives a key a new text; name, scopes, plan and what it has used stay.

        ``overlap_s``: seconds that the old text stays valid beside the new one, at most 30 days.
        """
        request = _admin.rotate_key_request(key_id, overlap_s)
        return _admin.issued_key(self._call(self._stub.RotateKey, request, timeout_s))

    def list_plans(self, *, timeout_s: float | None = None) -> tuple[Plan, ...]:
        """The plans that keys may have, by name."""
        return _admin.plans(self._call(self._stub.ListPlans, pb.ListPlansRequest(), timeout_s))
