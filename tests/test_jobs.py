"""What happens by itself while the service runs."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from connector.flows.indexing import ensure
from connector.flows.sync import sync
from connector.flows.tenant import Tenant
from tests.bad_days.days import empty_database
from tests.flows.looking import PERSON, HastyClock, hooks, subscriptions, tell
from tests.serving import Served, served
from tests.world import PASSWORD, SYSTEM, USER, World, ago, install, open_world

NUMBER = "601000001"
POSTS = {"method": "POST", "path": "^/api/v2/activities$"}


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with open_world(tmp_path, pipedrive_timeout=5.0, thulium_timeout=5.0) as world:
        shutil.copy(empty_database(), world.database)
        yield world


@pytest.fixture
async def open_(world: World) -> AsyncIterator[Served]:
    async with served(world, HastyClock()) as here:
        yield here


async def until(true: Callable[[], Awaitable[object]], seconds: float = 10) -> float:
    """Wait for something to come true; gives how long that took."""
    began = time.perf_counter()
    while not await true():
        assert time.perf_counter() - began < seconds, "it never came true"
        await asyncio.sleep(0.02)
    return time.perf_counter() - began


async def a_call(world: World, **details: object) -> Any:
    return await world.happen("call", number=NUMBER, **details)


async def two(here: Served) -> tuple[Tenant, Tenant]:
    """Two companies with a customer each, both fed by the one contact centre."""
    users = [{"name": "B", "email": "b@example.com", "admin": True, "api_token": "second"}]
    first = (await here.service.install_token("demo-api-token")).installation_id
    await tell(here.world, "pipedrive", "seed", persons=[PERSON])
    companies = [{"name": "Druga", "users": users, "persons": [PERSON]}]
    await tell(here.world, "pipedrive", "seed", companies=companies)
    second = (await here.service.install_token("second")).installation_id
    for installation in (first, second):
        await here.service.connect_centre(
            installation, vendor="thulium", system=SYSTEM, user=USER, password=PASSWORD, since=ago(hours=1)
        )
    return await here.service.tenant(first), await here.service.tenant(second)


async def activities(world: World, tenant: Tenant) -> int:
    url = f"{world.pipedrive}/_sandbox/activities?company={tenant.id}"
    async with world.http.get(url) as answer:
        return len(await answer.json())


async def live(here: Served) -> None:
    await here.world.seed_pipedrive(persons=[PERSON])
    tenant = await install(here.service, since=ago(hours=1), live=True)
    await here.service.connect_centre(
        tenant.id, vendor="thulium", system=SYSTEM, user=USER, password=PASSWORD
    )
    assert await subscriptions(here.world) == 1


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


async def activity_calls(world: World) -> list[dict[str, Any]]:
    return [call for call in await world.calls("pipedrive") if call["path"] == "/api/v2/activities"]


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


async def test_where_pipedrive_refuses_webhooks_a_person_is_known_within_half_an_hour(
    world: World,
) -> None:
    clock = HastyClock()
    async with served(world, clock) as here:
        await world.fault("pipedrive", "status_before", status=403, path="webhooks", times=None)
        tenant = await install(here.service, since=ago(hours=1))
        await ensure(tenant, no_older_than=timedelta())
        await world.edit(
            entity="person", action="create", changes={"name": "Jan", "phones": [{"value": NUMBER}]}
        )
        clock.move_to(timedelta(minutes=31))
        key = tenant.ledger.keys.key("+48601000001")

        async def found() -> bool:
            return key in await tenant.index.candidates([key])

        await until(found)


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


async def test_one_installation_that_fails_does_not_stop_the_others(open_: Served) -> None:
    first, second = await two(open_)
    await open_.service.installations.save_tokens(
        first.id, first.installed.owner_user_id, b'{"broken": true, "expires_at": null, "scopes": []}'
    )
    await a_call(open_.world)
    await asyncio.gather(open_.jobs.sync_all(), return_exceptions=True)
    assert await activities(open_.world, second) == 1


async def test_a_dead_token_of_one_is_told_and_leaves_the_others_alone(open_: Served) -> None:
    first, second = await two(open_)
    await open_.service.installations.mark_dead(first.id, first.installed.owner_user_id, "revoked")
    await a_call(open_.world)
    await open_.jobs.sync_all()
    assert await activities(open_.world, second) == 1
    assert await activities(open_.world, first) == 0
    states = {one.id: one.state for one in await open_.service.installations.all()}
    assert states == {first.id: "reconnect", second.id: "active"}


async def test_installations_run_side_by_side(open_: Served) -> None:
    first, second = await two(open_)
    await open_.jobs.sync_all()
    await a_call(open_.world)
    await open_.world.fault("pipedrive", "delay", seconds=0.5, times=2, **POSTS)
    began = time.perf_counter()
    await open_.jobs.sync_all()
    assert time.perf_counter() - began < 1.0
    assert await activities(open_.world, first) == await activities(open_.world, second) == 1


async def test_a_run_is_not_begun_beside_another_of_the_same_installation(open_: Served) -> None:
    world = open_.world
    await world.seed_pipedrive(persons=[PERSON])
    tenant = await install(open_.service, since=ago(hours=1))
    await a_call(world)
    counts = await asyncio.gather(*(open_.jobs.runs.sync(tenant) for _ in range(4)))
    assert [one["done"] for one in counts] == [1, 0, 0, 0]


async def test_stopping_finishes_what_is_sent_and_gives_back_the_rest_of_every_run(world: World) -> None:
    async with served(world, HastyClock()) as here:
        first, second = await two(here)
        await here.jobs.sync_all()
        times = [ago(minutes=minute / 2).isoformat() for minute in range(60)]
        await world.seed_centre(calls=[{"number": NUMBER, "at": at} for at in times])
        await world.fault("pipedrive", "delay", seconds=0.1, times=None, **POSTS)
        running = asyncio.create_task(here.jobs.sync_all())

        async def begun() -> bool:
            return bool(await activities(world, first)) and bool(await activities(world, second))

        await until(begun)
        began = time.perf_counter()
    assert time.perf_counter() - began < 2
    await running
    await world.mend("pipedrive")
    async with served(world, HastyClock()) as here:
        for one in (first, second):
            tenant = await here.service.tenant(one.id)
            states = await tenant.ledger.counts()
            assert states["sending"] == 0
            assert states["done"] == await activities(world, one)
            assert states["new"] > 0
        await here.jobs.sync_all()
        for one in (first, second):
            assert await activities(world, one) == 60


async def test_moving_the_clock_a_day_brings_the_nightly_work(world: World) -> None:
    clock = HastyClock()
    async with served(world, clock) as here:
        tenant = await install(here.service, since=ago(hours=1))
        for hook in await hooks(world):
            await tenant.pipedrive.delete_webhook(str(hook["id"]))
        clock.move_to(timedelta(days=1, hours=1))

        async def made_again() -> bool:
            return len(await hooks(world)) == 3

        await until(made_again)


async def test_what_has_waited_too_long_expires_and_its_contents_go(open_: Served) -> None:
    tenant = await install(open_.service, since=ago(hours=1))
    await a_call(open_.world)
    await open_.jobs.sync_all()
    await tenant.ledger.purge(30)
    assert (await tenant.ledger.counts())["waiting"] == 1
    open_.service.clock.move_to(timedelta(days=31))
    await tenant.ledger.purge(30)
    assert (await tenant.ledger.counts())["skipped"] == 1


async def test_each_run_is_written_down_with_its_outcome(open_: Served) -> None:
    tenant = await install(open_.service, since=ago(hours=1))
    await open_.jobs.runs.sync(tenant)
    assert ((await open_.service.operations.last_run(tenant.id)) or ("", ""))[1] == "finished"
    await a_call(open_.world)
    await open_.world.fault("pipedrive", "status_before", path="/persons", status=500, times=None)
    await open_.jobs.runs.sync(tenant)
    outcome = ((await open_.service.operations.last_run(tenant.id)) or ("", ""))[1]
    assert outcome.startswith("Unreachable: ")


def rows(world: World, query: str) -> list[tuple[Any, ...]]:
    with sqlite3.connect(world.database) as db:
        return db.execute(query).fetchall()


def change(world: World, statement: str, **values: object) -> None:
    with sqlite3.connect(world.database) as db:
        db.execute(statement, values)


def told(world: World) -> list[tuple[Any, ...]]:
    """Webhooks of Pipedrive: whether each was worked on, and why not."""
    return rows(world, "SELECT done_at IS NOT NULL, reason FROM delivery WHERE source = 'pipedrive'")


def hint(person: object = 1) -> bytes:
    meta = {"entity": "person", "entity_id": person, "action": "change"}
    return orjson.dumps({"meta": meta, "data": {"id": person}})


# webhooks


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


# installations by themselves


async def test_an_installation_that_hangs_at_the_start_holds_up_no_other(world: World) -> None:
    async with served(world, HastyClock()) as here:
        first, second = await two(here)
        await here.jobs.sync_all()
        await a_call(world)
    await world.fault("pipedrive", "delay", seconds=4, path="/activities\\?")
    began = time.perf_counter()
    async with served(world, HastyClock()) as here:
        running = asyncio.create_task(here.jobs.sync_all())

        async def one_written() -> bool:
            return await activities(world, first) + await activities(world, second) == 1

        await until(one_written)
        assert time.perf_counter() - began < 3
        await running
    assert await activities(world, first) == await activities(world, second) == 1


async def test_a_mistake_that_one_installation_meets_at_night_spares_its_run_and_the_others(
    world: World,
) -> None:
    clock = HastyClock()
    async with served(world, clock) as here:
        first, second = await two(here)
        await a_call(world)
        await here.jobs.sync_all()
        change(world, "UPDATE index_pass SET filled_at = 'x' WHERE installation_id = :id", id=first.id)
        assert rows(world, "SELECT count(*) FROM index_pass WHERE filled_at = 'x'") != [(0,)]
        clock.move_to(timedelta(days=1))

        async def both_had_their_night() -> bool:
            begun = [await here.service.operations.last_begun(one.id, "nightly") for one in (first, second)]
            return None not in begun

        await until(both_had_their_night)


async def test_installations_that_come_get_runs_of_their_own_and_those_that_go_have_no_more(
    world: World,
) -> None:
    async with served(world, sync_interval=0.1, sync_jitter=0, look_gap=0.1) as here:
        tenant = await install(here.service, since=ago(hours=1))

        async def runs() -> int:
            return int(rows(world, "SELECT count(*) FROM run")[0][0])

        async def has_run() -> bool:
            return await runs() > 2

        await until(has_run)
        await here.service.uninstall(tenant.id, tenant.installed.owner_user_id)
        await asyncio.sleep(0.4)
        stands = await runs()
        await asyncio.sleep(0.4)
        assert await runs() == stands


async def test_a_write_put_off_is_made_when_its_time_has_come_and_not_at_the_next_run(world: World) -> None:
    async with served(world, look_gap=0.1) as here:
        tenant = await install(here.service, since=ago(hours=1))
        await a_call(world)
        await here.jobs.sync_all()
        later = here.service.clock.now().replace(tzinfo=None) + timedelta(seconds=1)
        change(world, "UPDATE ledger SET state = 'retry', not_before = :at", at=str(later))
        person = {"name": "Jan", "phones": [{"value": NUMBER}]}
        await world.edit(entity="person", action="create", changes=person)

        async def written() -> bool:
            return (await tenant.ledger.counts())["done"] == 1

        await until(written)


# the night


async def test_each_night_has_its_work_once_and_one_slept_through_is_made_up_for(world: World) -> None:
    clock = HastyClock()

    def nights() -> int:
        return int(rows(world, "SELECT count(*) FROM run WHERE cause = 'nightly'")[0][0])

    async with served(world, clock) as here:
        await install(here.service, since=ago(hours=1))
        for minutes in (1, 2, 3):
            clock.move_to(timedelta(minutes=minutes))
            await until(lambda: asyncio.sleep(0, nights()))
            await asyncio.sleep(0.1)
        assert nights() == 1
    clock = HastyClock()
    clock.move_to(timedelta(days=3))
    async with served(world, clock) as here:
        clock.move_to(timedelta(days=3, seconds=1))
        await until(lambda: asyncio.sleep(0, nights() == 2))


async def test_the_night_waits_for_a_run_under_way_and_lists_again_after_it(world: World) -> None:
    clock = HastyClock()
    async with served(world, clock) as here:
        tenant = await install(here.service, since=ago(hours=1))
        await here.jobs.sync_all()
        await world.fault("thulium", "delay", seconds=0.7, path="/connections\\?")
        running = asyncio.create_task(here.jobs.sync_all())
        await asyncio.sleep(0.1)
        clock.move_to(timedelta(days=1))
        await running

        async def listed() -> bool:
            return await here.service.operations.last_begun(tenant.id, "nightly") is not None

        await until(listed)


async def test_old_contents_go_also_where_pipedrive_no_longer_accepts_us(world: World) -> None:
    clock = HastyClock()
    async with served(world, clock) as here:
        tenant = await install(here.service, since=ago(hours=1))
        await a_call(world)
        await here.jobs.sync_all()
        await here.service.installations.mark_dead(tenant.id, tenant.installed.owner_user_id, "revoked")
        clock.move_to(timedelta(days=40))

        async def gone() -> bool:
            return rows(world, "SELECT payload_sealed, state FROM ledger") == [(None, "skipped")]

        change(world, "UPDATE ledger SET state = 'skipped'")
        await until(gone)


# stopping


async def test_a_stop_does_not_wait_until_a_long_period_is_read(world: World) -> None:
    async with served(world, HastyClock()) as here:
        tenant = await install(here.service, since=ago(days=20))
        await world.fault("thulium", "delay", seconds=0.05, times=None, path="/connections\\?")
        running = asyncio.create_task(here.jobs.sync_all())
        await asyncio.sleep(0.5)
        began = time.perf_counter()
    assert time.perf_counter() - began < 1.5
    await running
    async with served(world, HastyClock()) as here:
        assert (await here.service.operations.last_run(tenant.id) or ("", ""))[1] == "stopped"


async def test_a_stop_does_not_wait_for_a_contact_centre_that_does_not_answer(world: World) -> None:
    async with served(world, HastyClock()) as here:
        tenant = await install(here.service, since=ago(hours=1))
        await world.seed_pipedrive(persons=[PERSON])
        for _ in range(12):
            await a_call(world)
        await world.fault("thulium", "delay", seconds=4.5, times=None, path="/topic$")
        running = asyncio.create_task(here.jobs.sync_all())

        async def asked() -> bool:
            return any(call["path"].endswith("/topic") for call in await world.calls("thulium"))

        await until(asked)
        began = time.perf_counter()
    assert time.perf_counter() - began < 1.5
    await running
    async with served(world, HastyClock()) as here:
        tenant = await here.service.tenant(tenant.id)
        assert (await tenant.ledger.counts())["new"] == 12


async def test_a_command_beside_the_service_writes_nothing_twice(open_: Served) -> None:
    world = open_.world
    await world.seed_pipedrive(persons=[PERSON])
    tenant = await install(open_.service, since=ago(hours=1))
    for _ in range(10):
        await a_call(world)
    await world.fault("pipedrive", "delay", seconds=0.05, times=None, **POSTS)
    async with world.connector(HastyClock()) as command:
        theirs = await command.tenant(tenant.id)
        await command.recover(theirs)
        await asyncio.gather(open_.jobs.sync_all(), sync(theirs), open_.jobs.sync_all())
    await open_.jobs.catch_up()
    assert len(await world.activities()) == 10
