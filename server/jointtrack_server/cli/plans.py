"""`jointtrack plans`: what keys may use."""

import json
from dataclasses import asdict
from typing import Annotated

import typer

from jointtrack_server.access.caller import Plan
from jointtrack_server.cli.shared import DataDir, print_columns
from jointtrack_server.cli.store import Json, StoreUrl, key_store

Name = Annotated[str, typer.Argument(help="Such as trial.")]

plans = typer.Typer(help="List, set and remove plans: what a key may use.")


@plans.callback(invoke_without_command=True)
def plans_or_list(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        plans_list()


@plans.command("list")
def plans_list(
    *, as_json: Json = False, data_dir: DataDir = None, store_url: StoreUrl = None
) -> None:
    """List all plans."""
    with key_store(data_dir, store_url) as store:
        found = store.plans()
    if as_json:
        for plan in found:
            print(json.dumps(asdict(plan), ensure_ascii=False))
        return
    head = ("PLAN", "PICTURES A MONTH", "REQUESTS A MINUTE", "STREAMS AT ONCE")
    print_columns(head, *(_row(plan) for plan in found))


@plans.command("set")
def plans_set(
    name: Name,
    *,
    month_pictures: Annotated[
        int | None, typer.Option(help="Pictures and stream frames a calendar month (UTC).")
    ] = None,
    minute_requests: Annotated[
        int | None, typer.Option(help="Requests and streams begun in a minute.")
    ] = None,
    max_streams: Annotated[int | None, typer.Option(help="Streams open at once.")] = None,
    data_dir: DataDir = None,
    store_url: StoreUrl = None,
) -> None:
    """Make a plan, or replace the one of that name. What is not given has no limit."""
    plan = Plan(name, month_pictures, minute_requests, max_streams)
    with key_store(data_dir, store_url) as store:
        store.put_plan(plan)
    pictures, requests, streams = _row(plan)[1:]
    print(
        f"Plan {name}: pictures a month {pictures}, requests a minute {requests}, "
        f"streams at once {streams}."
    )


@plans.command("remove")
def plans_remove(name: Name, data_dir: DataDir = None, store_url: StoreUrl = None) -> None:
    """Remove a plan that no key has."""
    with key_store(data_dir, store_url) as store:
        store.remove_plan(name)
    print(f"Plan {name} is removed.")


def _row(plan: Plan) -> tuple[str, ...]:
    limits = (plan.month_pictures, plan.minute_requests, plan.max_streams)
    return (plan.name, *("no limit" if limit is None else str(limit) for limit in limits))
