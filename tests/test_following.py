"""Webhooks of both vendors while the service runs."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

from tests.at_work import NUMBER, POSTS, a_call, change, hint, told, two, until
from tests.flows.looking import PERSON, subscriptions
from tests.serving import Served, served
from tests.world import PASSWORD, SYSTEM, USER, World, ago, install


async def live(here: Served) -> None:
    await here.world.seed_pipedrive(persons=[PERSON])
    tenant = await install(here.service, since=ago(hours=1), live=True)
    await here.service.connect_centre(
        tenant.id, vendor="thulium", system=SYSTEM, user=USER, password=PASSWORD
    )
    assert await subscriptions(here.world) == 1


async def activity_calls(world: World) -> list[dict[str, Any]]:
    return [call for call in await world.calls("pipedrive") if call["path"] == "/api/v2/activities"]


async def test_live_a_call_is_in_pipedrive_within_seconds_of_its_end(world: World) -> None:
    async with served(world) as here:
        await live(here)
        await a_call(world, at=ago().isoformat(), talk=1)
        assert await until(world.activities) < 4


async def test_live_a_call_that_ends_while_a_run_is_under_way_is_not_left_for_the_schedule(
    open_: Served,
) -> None:
    world = open_.world
    await live(open_)
    await world.fault("pipedrive", "delay", seconds=0.6, **POSTS)
    await a_call(world)

    async def writing() -> bool:
        return any(call["method"] == "POST" for call in await activity_calls(world))

    await until(writing)
    await a_call(world, at=ago().isoformat(), talk=1)

    async def both() -> bool:
        return len(await world.activities()) == 2

    await until(both, 5)


async def test_not_live_a_webhook_of_the_contact_centre_waits_for_the_schedule(open_: Served) -> None:
    tenant = await install(open_.service)
    status = await open_.knock(tenant, b"action=CHAT_CONVERSATION_CLOSED", source="thulium:demo")
    assert status == 202

    async def done() -> bool:
        return not await open_.service.deliveries.waiting()

    await until(done)
    assert await open_.service.operations.last_run(tenant.id) is None


async def test_a_person_who_appears_in_pipedrive_wakes_his_calls_by_webhook(open_: Served) -> None:
    world = open_.world
    tenant = await install(open_.service, since=ago(hours=1))
    await a_call(world)
    await open_.jobs.sync_all()
    assert (await tenant.ledger.counts())["waiting"] == 1
    await world.edit(entity="person", action="create", changes={"name": "Jan", "phones": [{"value": NUMBER}]})

    async def woken() -> bool:
        return (await tenant.ledger.counts())["new"] == 1

    await until(woken)
    await open_.jobs.sync_all()
    assert len(await world.activities()) == 1


async def test_webhooks_nobody_can_follow_stop_nothing(open_: Served) -> None:
    world = open_.world
    tenant = await install(open_.service)
    nonsense = [
        b"", b"{}", b"[]", b"not json", b'{"meta": 5}', b'{"meta": {"entity": "person", "entity_id": []}}',
        b'{"meta": {"entity": "person", "entity_id": "../users", "action": "change", "timestamp": "x"}}',
        b'{"meta": {"entity": "deal", "entity_id": 1e300, "action": "unheard-of", "timestamp": 1e300}}',
        b'{"meta": {"entity": "weather", "entity_id": 1, "action": "change"}}',
    ]  # fmt: skip
    for body in nonsense:
        assert await open_.knock(tenant, body) == 202
    person = await world.edit(
        entity="person", action="create", changes={"name": "Jan", "phones": [{"value": NUMBER}]}
    )
    key = tenant.ledger.keys.key("+48601000001")

    async def found() -> bool:
        return key in await tenant.index.candidates([key])

    await until(found)
    assert person["id"]


async def test_webhooks_are_worked_on_again_after_the_database_failed_for_a_moment(open_: Served) -> None:
    world = open_.world
    tenant = await install(open_.service)
    change(world, "ALTER TABLE centre_connection RENAME TO elsewhere")
    assert await open_.knock(tenant, hint()) == 202

    async def broken() -> bool:
        return not open_.jobs.health["webhooks"]

    await until(broken)
    change(world, "ALTER TABLE elsewhere RENAME TO centre_connection")
    assert await open_.knock(tenant, hint()) == 202

    async def mended() -> bool:
        return [done for done, _ in told(world)] == [1, 1]

    await until(mended)
    await until(lambda: asyncio.sleep(0, open_.jobs.health["webhooks"]))


async def test_a_webhook_that_cannot_be_followed_while_pipedrive_is_down_is_followed_when_it_is_back(
    open_: Served,
) -> None:
    world = open_.world
    tenant = await install(open_.service)
    await world.fault("pipedrive", "status_before", path="/persons/", status=503, times=None)
    for person in (1, 1, 2, 3, 4, 5):
        assert await open_.knock(tenant, hint(person)) == 202

    async def put_off() -> bool:
        return not await open_.service.deliveries.waiting()

    await until(put_off)
    assert told(world) == [(0, "")] * 6
    await world.mend("pipedrive")
    open_.service.clock.move_to(timedelta(minutes=2))

    async def followed() -> bool:
        return told(world) == [(1, "")] * 6

    await until(followed)


async def test_webhooks_of_an_installation_that_hangs_hold_up_nobody_elses(open_: Served) -> None:
    first, second = await two(open_)
    await open_.world.fault("pipedrive", "delay", seconds=3, path="/persons/")
    for tenant in (first, second):
        assert await open_.knock(tenant, hint()) == 202

    async def one_done() -> bool:
        return (1, "") in told(open_.world)

    assert await until(one_done) < 1.5
    assert (0, "") in told(open_.world)
