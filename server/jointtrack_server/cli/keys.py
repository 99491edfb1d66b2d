"""`jointtrack keys`: API keys, in the store that servers read."""

import json
from datetime import datetime, timedelta
from typing import Annotated

import typer

from jointtrack.cli.output import fail
from jointtrack_server.access.caller import UNLIMITED, Plan, Scope
from jointtrack_server.access.keys import ApiKey
from jointtrack_server.cli.shared import DataDir, print_columns
from jointtrack_server.cli.store import Json, Quiet, StoreUrl, key_store
from jointtrack_server.cli.times import to_moment, to_span

_MINUTE = "%Y-%m-%d %H:%M"

KeyId = Annotated[str, typer.Argument(metavar="ID", help="The ID that `keys list` shows.")]

keys = typer.Typer(help="Make, list, revoke and rotate API keys.", no_args_is_help=True)


@keys.command("create")
def keys_create(
    *,
    name: Annotated[str, typer.Option(help="Who or what the key is for.")],
    scope: Annotated[
        list[str] | None,
        typer.Option(
            help=f"What it may do: {', '.join(Scope)}; repeat for several; by default detect and "
            "stream."
        ),
    ] = None,
    plan: Annotated[str, typer.Option(help="A name from `jointtrack plans`.")] = UNLIMITED.name,
    expires: Annotated[
        str | None,
        typer.Option(help="When it ends: 30d from now, or on 2027-01-31 (UTC); by default never."),
    ] = None,
    certificate_name: Annotated[
        str | None,
        typer.Option(
            help="A client certificate's alternative name (URI or DNS) or common name, which then "
            "stands for the key."
        ),
    ] = None,
    data_dir: DataDir = None,
    store_url: StoreUrl = None,
    quiet: Quiet = False,
) -> None:
    """Make a key and print it, once: only its hash is kept. A running server takes it at once."""
    scopes = _scopes(scope or [Scope.DETECT, Scope.STREAM])
    expire_at = None if expires is None else to_moment(expires, "--expires")
    with key_store(data_dir, store_url) as store:
        text, key = store.create(
            name,
            scopes=scopes,
            plan=plan,
            expire_at=expire_at,
            certificate_name=certificate_name,
        )
    _print_issued(text, key, quiet=quiet)


@keys.command("list")
def keys_list(
    *, as_json: Json = False, data_dir: DataDir = None, store_url: StoreUrl = None
) -> None:
    """List all keys, expired and revoked ones too, with what they have used this month."""
    with key_store(data_dir, store_url) as store:
        plans = {plan.name: plan for plan in store.plans()}
        found = store.list()
    if as_json:
        for key in found:
            print(json.dumps(_as_json(key, plans.get(key.plan)), ensure_ascii=False))
        return
    head = ("ID", "SCOPES", "PLAN", "USED", "MADE (UTC)", "EXPIRES (UTC)", "REVOKED (UTC)", "NAME")
    print_columns(head, *(_row(key, plans.get(key.plan)) for key in found))


@keys.command("revoke")
def keys_revoke(key_id: KeyId, data_dir: DataDir = None, store_url: StoreUrl = None) -> None:
    """End a key. Running servers refuse it within a second."""
    with key_store(data_dir, store_url) as store:
        key = store.revoke(key_id)
    print(f"Key {key.id} is revoked.")


@keys.command("rotate")
def keys_rotate(
    key_id: KeyId,
    *,
    overlap: Annotated[
        str, typer.Option(help="How long the old text stays valid, such as 24h; at most 30d.")
    ] = "0s",
    data_dir: DataDir = None,
    store_url: StoreUrl = None,
    quiet: Quiet = False,
) -> None:
    """Give a key a new text and print it, once. What the key may do and has used stays."""
    span = to_span(overlap, "--overlap")
    with key_store(data_dir, store_url) as store:
        text, key = store.rotate(key_id, span)
    _print_issued(text, key, quiet=quiet, overlap=span)


def _print_issued(text: str, key: ApiKey, *, quiet: bool, overlap: timedelta | None = None) -> None:
    if quiet:
        print(text)
        return
    print(f"{text}\n\nKey {key.id} for {key.name}. Keep it now: it cannot be shown again.")
    if overlap is not None:
        print(f"The old text {f'is valid for {overlap} more' if overlap else 'is refused now'}.")


def _scopes(names: list[str]) -> frozenset[Scope]:
    try:
        return frozenset(Scope(name) for name in names)
    except ValueError as error:
        fail(f"--scope: {error}; use {', '.join(Scope)}.")


def _row(key: ApiKey, plan: Plan | None) -> tuple[str, ...]:
    quota = plan.month_pictures if plan else None
    return (
        key.id,
        _in_order(key.scopes),
        key.plan,
        f"{key.month_pictures}" if quota is None else f"{key.month_pictures}/{quota}",
        _minute(key.created_at),
        _minute(key.expire_at),
        _minute(key.revoked_at),
        key.name,
    )


def _as_json(key: ApiKey, plan: Plan | None) -> dict[str, object]:
    return {
        "key_id": key.id,
        "name": key.name,
        "scopes": _in_order(key.scopes).split(","),
        "plan": key.plan,
        "month_pictures": key.month_pictures,
        "month_quota": plan.month_pictures if plan else None,
        "created_at": key.created_at.isoformat(),
        "expires_at": key.expire_at.isoformat() if key.expire_at else None,
        "revoked_at": key.revoked_at.isoformat() if key.revoked_at else None,
        "certificate_name": key.certificate_name,
    }


def _in_order(scopes: frozenset[Scope]) -> str:
    return ",".join(scope for scope in Scope if scope in scopes)


def _minute(moment: datetime | None) -> str:
    return f"{moment:{_MINUTE}}" if moment else ""
