"""What callers are told who may not come in."""

from datetime import datetime

from jointtrack_server.access.caller import Caller, Scope
from jointtrack_server.errors import JointTrackError, Reason

_STORE_RETRY_AFTER_S = 1.0


def missing_key(certificate_names: tuple[str, ...]) -> JointTrackError:
    certificate = " and the client certificate stands for none" if certificate_names else ""
    return JointTrackError(
        Reason.MISSING_API_KEY,
        f"No API key was sent{certificate}. Send it as X-API-Key (HTTP header) or x-api-key (gRPC "
        "metadata); `jointtrack keys create` makes one.",
    )


def invalid_key() -> JointTrackError:
    """One answer for all, so that nobody learns which keys there were."""
    return JointTrackError(
        Reason.INVALID_API_KEY,
        "The API key is unknown, revoked or expired. Ask the server's operator for a valid one.",
    )


def missing_scope(caller: Caller, scope: Scope) -> JointTrackError:
    scopes = ", ".join(sorted(caller.scopes))
    return JointTrackError(
        Reason.MISSING_SCOPE,
        f"The API key {caller.key_id} may {scopes}; this needs {scope}. Ask the server's operator "
        "for a key of that scope.",
        metadata={"key_id": caller.key_id, "scopes": scopes, "scope": scope},
    )


def rate_limited(caller: Caller, limit: int, retry_after_s: float) -> JointTrackError:
    return JointTrackError(
        Reason.RATE_LIMITED,
        f"The plan {caller.plan.name} allows {limit} requests a minute. Try again in "
        f"{retry_after_s:.1f} s.",
        metadata={
            "plan": caller.plan.name,
            "minute_requests": limit,
            "retry_after_s": f"{retry_after_s:.1f}",
        },
        retry_after_s=retry_after_s,
    )


def quota_exceeded(plan: str, quota: int, used: int, renews_at: datetime) -> JointTrackError:
    return JointTrackError(
        Reason.QUOTA_EXCEEDED,
        f"The plan {plan} allows {quota} pictures a month, and {used} are used. It renews at "
        f"{renews_at.isoformat()}; ask the server's operator for a larger plan.",
        metadata={
            "plan": plan,
            "quota": quota,
            "used": used,
            "renews_at": renews_at.isoformat(),
        },
    )


def too_many_streams(limit: int, open_streams: int) -> JointTrackError:
    return JointTrackError(
        Reason.TOO_MANY_STREAMS,
        f"{open_streams} streams of this API key are open here, and {limit} are allowed. End one "
        "first.",
        metadata={"open": open_streams, "limit": limit},
        retry_after_s=_STORE_RETRY_AFTER_S,
    )


def store_unavailable() -> JointTrackError:
    """Says nothing of where the store is; the log does."""
    return JointTrackError(
        Reason.STORE_UNAVAILABLE,
        "The store of API keys cannot be reached at the moment. Try again in a second.",
        retry_after_s=_STORE_RETRY_AFTER_S,
    )


def keys_disabled() -> JointTrackError:
    return JointTrackError(
        Reason.KEYS_DISABLED,
        "This server runs without API keys, so there is nothing to administer. Start it without "
        "--no-auth.",
    )
