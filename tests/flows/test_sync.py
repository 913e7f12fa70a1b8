"""One run, and a backfill within its budget."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from connector.app import Service
from connector.errors import Retryable, Unauthorised
from connector.flows.sync import backfill, sync
from connector.flows.tenant import Tenant
from connector.pipedrive.budget import Budget
from connector.records import Window
from tests.flows.looking import PERSON, forget_calls, spent
from tests.world import World, ago, install, settle_down, switch_on

NUMBER = "601000001"


async def a_past(world: World, service: Service, number: int = 20) -> Tenant:
    """So many calls of yesterday, before the contact centre was connected; the index is filled."""
    await world.seed_pipedrive(persons=[PERSON])
    yesterday = ago(days=1)
    times = [(yesterday + timedelta(minutes=minute)).isoformat() for minute in range(number)]
    await world.seed_centre(calls=[{"number": NUMBER, "at": at} for at in times])
    tenant = await install(service, since=ago(hours=1))
    await world.happen("call", number=NUMBER)
    await settle_down(service, tenant)
    return tenant


def yesterday() -> Window:
    return Window(ago(days=2), ago(hours=2))


async def test_a_backfill_keeps_to_its_budget_to_the_token_and_goes_on_later(
    world: World, service: Service
) -> None:
    tenant = await a_past(world, service)
    before = await spent(world)
    assert len(await world.activities()) == 1

    counts = await backfill(tenant, yesterday(), budget=Budget(52))
    assert (counts["collected"], counts["still_to_write"]) == (20, 10)
    assert await spent(world) - before == 50
    assert len(await world.activities()) == 11
    states = await tenant.ledger.counts()
    assert (states["new"], states["sending"], states["parked"]) == (10, 0, 0)

    # The regular run leaves the rest to whoever pays for it.
    await sync(tenant)
    assert len(await world.activities()) == 11

    counts = await backfill(tenant, yesterday(), budget=Budget(1000))
    assert (counts["collected"], counts["done"]) == (0, 10)
    assert await spent(world) - before == 100
    assert len(await world.activities()) == 21

    assert (await backfill(tenant, yesterday(), budget=Budget(1000))).total() == 0
    assert await spent(world) - before == 100


async def test_a_budget_too_small_for_one_activity_writes_none(world: World, service: Service) -> None:
    tenant = await a_past(world, service, 3)
    await backfill(tenant, yesterday(), budget=Budget(4))
    assert len(await world.activities()) == 1
    assert (await tenant.ledger.counts())["new"] == 3


@pytest.mark.parametrize("tokens", [0, 2, 12, 33, 53, 72, 76])
async def test_what_a_backfill_reads_is_paid_from_its_budget_too(
    world: World, service: Service, tokens: int
) -> None:
    """Two tokens for the time, ten each for persons, organizations and deals, forty for users and types."""
    await world.seed_pipedrive(persons=[PERSON])
    times = [ago(days=1, minutes=minute).isoformat() for minute in range(5)]
    await world.seed_centre(calls=[{"number": NUMBER, "at": at} for at in times])
    tenant = await install(service, since=ago(hours=1))
    before, budget = await spent(world), Budget(tokens)
    counts = await backfill(tenant, yesterday(), budget=budget)
    assert await spent(world) - before == tokens - budget.left <= tokens
    assert (counts["collected"], counts["still_to_write"], counts["parked"]) == (5, 5, 0)

    counts = await backfill(tenant, yesterday(), budget=Budget(1000))
    assert (counts["done"], counts["still_to_write"]) == (5, 0)
    assert await spent(world) - before <= 1000


async def test_todays_events_go_before_a_backfill_and_beside_it(world: World, service: Service) -> None:
    tenant = await a_past(world, service)
    await backfill(tenant, yesterday(), budget=Budget(10))
    await world.happen("call", number=NUMBER)
    counts = await sync(tenant)
    assert (counts["collected"], counts["done"]) == (1, 1)
    assert (await tenant.ledger.counts())["new"] == 18


async def test_what_expired_while_it_waited_a_backfill_brings_back(world: World, service: Service) -> None:
    tenant = await install(service, since=ago(hours=3))
    await world.happen("call", number=NUMBER, at=ago(hours=2).isoformat())
    await settle_down(service, tenant)
    service.clock.move_to(timedelta(days=31))
    await tenant.ledger.purge(30)
    assert (await tenant.ledger.counts())["skipped"] == 1
    await world.seed_pipedrive(persons=[PERSON])
    await backfill(tenant, Window(ago(hours=3), ago(hours=1)), budget=Budget(1000))
    assert len(await world.activities()) == 1


async def test_an_idle_run_asks_pipedrive_nothing(world: World, service: Service) -> None:
    tenant = await a_past(world, service, 1)
    await forget_calls(world, "pipedrive")
    assert (await sync(tenant)).total() == 0
    assert await world.calls("pipedrive") == []


async def test_what_is_slow_to_read_is_read_to_its_end_though_pipedrive_refuses_us(
    world: World, service: Service
) -> None:
    tenant = await a_past(world, service, 1)
    await world.happen("call", number=NUMBER)
    await world.happen("chat", email="jan@example.com", close=True)
    await world.fault("thulium", "delay", seconds=0.3, path="chats", times=None)
    await world.fault("pipedrive", "unauthorised", times=None)
    with pytest.raises(Unauthorised):
        await sync(tenant)
    assert (await tenant.ledger.counts())["new"] == 2


async def test_a_run_that_cannot_reach_pipedrive_keeps_everything_for_the_next(
    world: World, service: Service
) -> None:
    await world.seed_pipedrive(persons=[PERSON])
    tenant = await install(service, since=ago(hours=1))
    await world.happen("call", number=NUMBER)
    await world.fault("pipedrive", "reset_before", times=None)
    with pytest.raises(Retryable):
        await sync(tenant)
    assert (await tenant.ledger.counts())["new"] == 1
    await world.mend("pipedrive")
    await settle_down(service, tenant)
    assert len(await world.activities()) == 1


async def test_a_run_that_cannot_reach_the_contact_centre_still_writes_what_it_has(
    world: World, service: Service
) -> None:
    await world.seed_pipedrive(persons=[PERSON])
    tenant = await install(service, since=ago(hours=1))
    await world.happen("call", number=NUMBER)
    await world.fault("pipedrive", "reset_before", times=None)
    with pytest.raises(Retryable):
        await sync(tenant)
    await world.mend("pipedrive")
    await sync(tenant)
    service.clock.move_to(timedelta(minutes=2))
    await world.fault("thulium", "status_before", path="connections\\?|/chats|/tickets", times=None)
    counts: Any = await sync(tenant)
    assert counts["unread"] == 1
    assert (await tenant.ledger.counts())["done"] == 1
    (centre,) = await service.installations.centres(tenant.id)
    assert centre.state == "failing"
    await world.mend("thulium")
    await sync(await service.tenant(tenant.id))
    (centre,) = await service.installations.centres(tenant.id)
    assert (centre.state, centre.reason) == ("active", "")


async def test_two_installations_in_one_service_never_touch_each_other(
    world: World, service: Service
) -> None:
    async with world.http.post(
        f"{world.pipedrive}/_sandbox/seed",
        json={
            "companies": [
                {
                    "name": "Druga",
                    "users": [{"name": "B", "email": "b@example.com", "admin": True, "api_token": "second"}],
                    "persons": [{"name": "Ktoś", "phones": ["+48601000001"]}],
                }
            ]
        },
    ) as answer:
        second = (await answer.json())["companies"][0]["id"]
    first = (await service.install_token("demo-api-token")).installation_id
    await world.http.post(
        f"{world.pipedrive}/_sandbox/seed", json={"company": int(first), "persons": [PERSON]}
    )
    other = (await service.install_token("second")).installation_id
    assert other == str(second)
    for installation in (first, other):
        await service.connect_centre(
            installation, vendor="thulium", system="demo", user="connector", password="demo-password",
            since=ago(hours=1),
        )  # fmt: skip
        await switch_on(service, installation)
    await world.happen("call", number=NUMBER)

    mine, theirs = await service.tenant(first), await service.tenant(other)
    await settle_down(service, mine)
    assert (await mine.ledger.counts())["done"] == 1
    assert sum((await theirs.ledger.counts()).values()) == 0
    assert await theirs.index.size() == {}
    await settle_down(service, theirs)
    notes = []
    for company in (first, other):
        url = f"{world.pipedrive}/_sandbox/activities?company={company}"
        async with world.http.get(url) as answer:
            (activity,) = await answer.json()
            notes.append(activity["note"].rpartition("ref:")[2])
    # The same event in two companies carries two markers: neither is taken for the other's.
    assert notes[0] != notes[1]
    await service.installations.delete_everything(first)
    assert (await theirs.ledger.counts())["done"] == 1
    assert await theirs.index.size() != {}
