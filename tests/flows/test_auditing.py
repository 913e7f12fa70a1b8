"""The audit names each way in which the two sides and the ledger can differ."""

from __future__ import annotations

import sqlite3
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from connector.app import Service
from connector.errors import Retryable
from connector.flows.auditing import Audit, audit
from connector.flows.sync import sync
from connector.flows.tenant import Tenant
from connector.records import Window
from tests.flows.looking import PERSON, spent
from tests.world import World, ago, install, settle_down

NUMBER = "601000001"


async def a_day(world: World, service: Service) -> Tenant:
    await world.seed_pipedrive(persons=[PERSON])
    tenant = await install(service, since=ago(hours=3))
    for minutes in (50, 40, 30):
        await world.happen("call", number=NUMBER, at=ago(minutes=minutes).isoformat())
    await world.happen("call", number="601999999", at=ago(minutes=20).isoformat())
    await world.happen("chat", email="jan@example.com", agent="anna.nowak", close=True)
    ticket = await world.happen("ticket", **{"from": "jan@example.com"})
    await world.happen("ticket_message", ticket_id=ticket["id"], type="REPLY", body="odpowiedź")
    await settle_down(service, tenant)
    return tenant


async def today(tenant: Tenant) -> Audit:
    return await audit(tenant, Window(ago(hours=3), ago(hours=-1)))


def change(world: World, statement: str) -> None:
    """Tamper with the first entry that is done."""
    with sqlite3.connect(world.database, timeout=10) as db:
        one = db.execute("select min(id) from ledger where state = 'done'").fetchone()
        db.execute(statement, one)


async def first(world: World) -> dict[str, Any]:
    return (await world.activities())[0]


async def test_a_day_that_went_well_is_clean(world: World, service: Service) -> None:
    tenant = await a_day(world, service)
    result = await today(tenant)
    assert result.clean
    assert (result.events, result.activities) == (7, 6)
    assert result.states == {"done": 6, "waiting": 1}
    assert result.report()["named"] == {}


async def test_an_audit_changes_nothing_and_spends_ten_tokens_for_each_500_activities(
    world: World, service: Service
) -> None:
    tenant = await a_day(world, service)
    before, tokens = await world.activities(), await spent(world)
    await today(tenant)
    assert await world.activities() == before
    assert await spent(world) - tokens == 10


async def test_events_outside_the_period_are_not_asked_for(world: World, service: Service) -> None:
    tenant = await a_day(world, service)
    result = await audit(tenant, Window(ago(minutes=45), ago(minutes=25)))
    assert (result.events, result.activities, result.clean) == (2, 2, True)


async def test_a_chat_that_is_still_open_is_not_missed(world: World, service: Service) -> None:
    tenant = await a_day(world, service)
    await world.happen("chat", email="jan@example.com")
    assert (await today(tenant)).clean


Harm = Callable[[World, Tenant], Awaitable[None]]


async def deleted(world: World, tenant: Tenant) -> None:
    await world.edit(entity="activity", action="delete", id=(await first(world))["id"])


async def rewritten(world: World, tenant: Tenant) -> None:
    changes = {"note": "Zadzwonił w sprawie faktury."}
    await world.edit(entity="activity", action="change", id=(await first(world))["id"], changes=changes)


async def doubled(world: World, tenant: Tenant) -> None:
    row = await first(world)
    kept = ("subject", "type", "note", "due_date", "owner_id")
    await world.edit(entity="activity", action="create", changes={key: row[key] for key in kept})


async def hidden(world: World, tenant: Tenant) -> None:
    change(world, "update ledger set external_id = 'moved' where id = ?")


async def forgotten(world: World, tenant: Tenant) -> None:
    change(world, "delete from ledger where id = ?")


async def lost(world: World, tenant: Tenant) -> None:
    change(world, "update ledger set crm_id = '987654', marker = 'NOSUCHMARKERNOSUCHMA' where id = ?")


async def unrecorded(world: World, tenant: Tenant) -> None:
    change(world, "update ledger set state = 'waiting' where id = ?")


async def unread(world: World, tenant: Tenant) -> None:
    await world.happen("call", number=NUMBER)


@pytest.mark.parametrize(
    ("harm", "named"),
    [
        (deleted, {"deleted_by_person": 1}),
        (rewritten, {}),
        (doubled, {"doubled": 1}),
        (hidden, {"vanished": 1, "not_collected": 1}),
        (forgotten, {"not_collected": 1}),
        (lost, {"lost": 1}),
        (unrecorded, {"unrecorded": 1}),
        (unread, {"not_collected": 1}),
    ],
)
async def test_each_difference_is_named(
    world: World, service: Service, harm: Harm, named: dict[str, int]
) -> None:
    tenant = await a_day(world, service)
    await harm(world, tenant)
    result = await today(tenant)
    assert {name: len(found) for name, found in dict_of(result).items()} == named
    assert result.clean is (named in ({}, {"deleted_by_person": 1}))


def dict_of(result: Audit) -> dict[str, list[str]]:
    named: Any = result.report()["named"]
    return dict(named)


async def test_a_difference_is_named_by_centre_kind_and_id(world: World, service: Service) -> None:
    tenant = await a_day(world, service)
    call = await world.happen("call", number=NUMBER)
    assert dict_of(await today(tenant)) == {"not_collected": [f"thulium:demo/call/{call['id']}"]}


async def test_a_list_that_cannot_be_read_is_an_error_and_no_difference(
    world: World, service: Service
) -> None:
    tenant = await a_day(world, service)
    for side, path in (("thulium", "/chats"), ("pipedrive", "/activities")):
        await world.fault(side, "status_before", path=path, times=None, status=500)
        with pytest.raises(Retryable):
            await today(tenant)
        await world.mend(side)
    assert (await today(tenant)).clean


async def test_what_an_audit_missed_the_next_run_brings(world: World, service: Service) -> None:
    tenant = await a_day(world, service)
    await forgotten(world, tenant)
    await unread(world, tenant)
    await sync(tenant)
    result = await today(tenant)
    # The forgotten one was written anew: its first activity is told as a double, not hidden.
    assert dict_of(result).keys() <= {"doubled"}
