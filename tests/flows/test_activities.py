"""What Pipedrive is sent, how often, and what becomes of what was not sent."""

from __future__ import annotations

import asyncio
import sqlite3
from datetime import datetime, timedelta
from typing import Any, cast

import pytest

from connector.app import Service
from connector.errors import Misconfigured, Unauthorised
from connector.flows.activities import Writing
from connector.flows.rendering import marker_in
from connector.flows.sync import sync
from connector.flows.tenant import Tenant
from connector.pipedrive.budget import Lane
from connector.records import Direction, Message, Ticket, Window
from connector.store.entries import Observed, State
from tests.flows.looking import PERSON, spent, spent_on
from tests.world import World, ago, install, settle_down

NUMBER = "601000001"
WRITES = "POST", "/api/v2/activities"


async def ready(world: World, service: Service, **settings: object) -> Tenant:
    await world.seed_pipedrive(persons=[PERSON])
    return await install(service, since=ago(hours=3), **settings)


async def calls(world: World, number: int) -> None:
    """So many calls of the customer, one a minute."""
    times = [ago(minutes=minute + 1).isoformat() for minute in range(number)]
    await world.seed_centre(calls=[{"number": NUMBER, "at": at} for at in times])


async def writes(world: World) -> int:
    return sum((call["method"], call["path"]) == WRITES for call in await world.calls("pipedrive"))


async def test_an_activity_costs_five_tokens(world: World, service: Service) -> None:
    tenant = await ready(world, service)
    await world.happen("call", number=NUMBER)
    await settle_down(service, tenant)
    before = await spent(world)
    await calls(world, 20)
    await settle_down(service, tenant)
    assert await spent(world) - before == 100
    assert (await spent_on(world))["POST /api/v2/activities"] == 105


async def test_a_second_run_writes_nothing_and_spends_no_token(world: World, service: Service) -> None:
    tenant = await ready(world, service)
    for minute in range(5):
        await world.happen("call", number=NUMBER, at=ago(minutes=minute + 1).isoformat(), topic_id=95)
        await world.happen("call", number="601888888", at=ago(minutes=minute + 1).isoformat())
    await settle_down(service, tenant)
    tokens, written = await spent(world), await writes(world)
    assert written == 5
    for _ in range(3):
        counts = await sync(tenant)
        assert sum(counts.values()) == 0
    assert (await spent(world), await writes(world)) == (tokens, written)


async def test_times_are_utc_whatever_the_contact_centre_tells(world: World, service: Service) -> None:
    tenant = await ready(world, service)
    at = ago(hours=1).replace(second=0, microsecond=0)
    await world.happen("call", number=NUMBER, at=at.isoformat(), talk=125)
    await world.happen("chat", email="jan@example.com", agent="anna.nowak", close=True, at=at.isoformat())
    await world.happen("ticket", **{"from": "jan@example.com"}, at=at.isoformat())
    await settle_down(service, tenant)
    for activity in await world.activities():
        due = datetime.fromisoformat(f"{activity['due_date']}T{activity['due_time']}Z")
        assert due == at


async def test_each_activity_carries_a_marker_of_its_own(world: World, service: Service) -> None:
    tenant = await ready(world, service)
    await calls(world, 3)
    await settle_down(service, tenant)
    markers = {marker_in(row["note"]) for row in await world.activities()}
    assert len(markers) == 3
    assert None not in markers


async def test_the_topic_of_an_answered_call_comes_with_it(world: World, service: Service) -> None:
    tenant = await ready(world, service, language="pl")
    await world.happen("call", number=NUMBER, topic_id=95, comment="Oddzwonić <w piątek>")
    await settle_down(service, tenant)
    (activity,) = await world.activities()
    assert activity["subject"] == "Połączenie przychodzące: odebrane – Reklamacja"
    assert "Oddzwonić &lt;w piątek&gt;" in activity["note"]


HALTS: dict[str, dict[str, Any]] = {
    "a web page of the edge": {"kind": "html_403"},
    "the day's tokens spent": {"kind": "daily_429"},
    "an account that is closed": {"kind": "status_before", "status": 402},
}


@pytest.mark.parametrize("halt", HALTS)
async def test_what_stops_the_whole_company_gives_back_everything_that_was_not_written(
    world: World, service: Service, halt: str
) -> None:
    tenant = await ready(world, service)
    await calls(world, 30)
    fault = {"nth": 6, "times": None, "method": "POST", "path": "^/api/v2/activities$"}
    await world.fault("pipedrive", **fault | HALTS[halt])
    counts = await sync(tenant)
    stands = await tenant.ledger.counts()
    written = len(await world.activities())
    assert stands["done"] == written == counts[State.DONE]
    assert stands["new"] == 30 - written
    assert stands["sending"] == stands["parked"] == 0
    await world.mend("pipedrive")
    service.clock.move_to(timedelta(days=1))
    await settle_down(service, tenant)
    assert len(await world.activities()) == 30
    assert (await tenant.ledger.counts())["done"] == 30


async def test_a_dead_token_stops_the_run_and_says_so(world: World, service: Service) -> None:
    tenant = await ready(world, service)
    await world.happen("call", number=NUMBER)
    await settle_down(service, tenant)
    await world.happen("call", number=NUMBER)
    await world.fault("pipedrive", "unauthorised", times=None)
    with pytest.raises((Unauthorised, Misconfigured)):
        await sync(tenant)
    stands = await tenant.ledger.counts()
    assert (stands["new"], stands["sending"]) == (1, 0)


@pytest.mark.parametrize("batch", [500, 10])
async def test_a_run_that_is_stopped_settles_what_it_sent_and_gives_back_the_rest(
    world: World, service: Service, monkeypatch: pytest.MonkeyPatch, batch: int
) -> None:
    # With small batches the stop meets claims that no writer has taken over yet.
    monkeypatch.setattr("connector.flows.activities.BATCH", batch)
    tenant = await ready(world, service)
    await calls(world, 40)
    await world.fault(
        "pipedrive", "delay", seconds=0.1, times=None, method="POST", path="^/api/v2/activities$"
    )
    running = asyncio.create_task(sync(tenant))
    while not await world.activities():  # noqa: ASYNC110  # only the simulator knows
        await asyncio.sleep(0.01)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    stands = await tenant.ledger.counts()
    assert stands["sending"] == 0
    assert stands["done"] == len(await world.activities())
    assert stands["done"] + stands["new"] == 40
    assert stands["new"] > 0


async def test_a_refusal_sets_aside_only_what_was_refused(world: World, service: Service) -> None:
    tenant = await ready(world, service)
    await calls(world, 3)
    await world.fault(
        "pipedrive", "status_before", status=400, nth=2, method="POST", path="^/api/v2/activities$"
    )
    await settle_down(service, tenant)
    stands = await tenant.ledger.counts()
    assert (stands["done"], stands["parked"]) == (2, 1)
    assert await tenant.ledger.retry_parked() == 1
    await settle_down(service, tenant)
    assert len(await world.activities()) == 3


async def test_a_person_merged_away_unseen_is_learnt_from_the_refusal(world: World, service: Service) -> None:
    made = await world.seed_pipedrive(persons=[PERSON, {"name": "Jan P.", "phones": ["+48601000002"]}])
    tenant = await install(service, since=ago(hours=1))
    await world.happen("call", number=NUMBER)
    await settle_down(service, tenant)
    loser, survivor = made["persons"]
    await world.edit(entity="person", action="merge", id=loser, into=survivor)
    await world.happen("call", number=NUMBER)
    await settle_down(service, tenant)
    stands = await tenant.ledger.counts()
    # The survivor is not known to have the number until the next sweep.
    assert stands["parked"] == 0
    assert stands["done"] + stands["waiting"] == 2


async def test_two_runs_at_once_write_each_event_once(world: World, service: Service) -> None:
    tenant = await ready(world, service)
    await calls(world, 25)
    await asyncio.gather(sync(tenant), sync(tenant), sync(tenant))
    assert len(await world.activities()) == 25
    assert (await tenant.ledger.counts())["done"] == 25


async def test_an_event_settled_by_another_is_not_settled_twice(world: World, service: Service) -> None:
    tenant = await ready(world, service)
    await world.happen("call", number=NUMBER)
    writing = Writing(tenant, Lane.ACTIVITIES)
    await sync(tenant)
    (entry,) = await tenant.ledger.within(Window(ago(days=1), ago(days=-1)))
    claims = await tenant.ledger.claim([entry], "late", lease_s=10, sent_at=ago())
    assert claims == []
    assert (await writing.run()).total() == 0


async def test_what_was_decided_can_be_read_back_without_a_name_or_number(
    world: World, service: Service
) -> None:
    tenant = await ready(world, service)
    await world.happen("call", number=NUMBER)
    await settle_down(service, tenant)
    with sqlite3.connect(world.database) as db:
        (trace,) = db.execute("select trace from ledger").fetchone()
    assert '"matched":"number"' in trace
    assert "601000001" not in trace
    assert PERSON["name"] not in trace


async def test_an_event_that_breaks_our_own_code_is_parked_alone(world: World, service: Service) -> None:
    tenant = await ready(world, service)
    at = ago(minutes=5)
    broken = Ticket(id="7", subject=cast("str", None), created_at=at, updated_at=at, source="email")
    message = Message("1", broken, Direction.INBOUND, at, "jan@example.com", None, "")
    await tenant.ledger.collect("thulium:demo", [Observed(message, number="+48601000001")])
    await world.happen("call", number=NUMBER)
    await settle_down(service, tenant)
    counts = await tenant.ledger.counts()
    assert (counts[State.DONE], counts[State.PARKED], counts[State.SENDING]) == (1, 1, 0)
