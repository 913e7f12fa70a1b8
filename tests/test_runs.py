"""Runs of the activity flow while the service runs: side by side, one at a time, cut short."""

from __future__ import annotations

import asyncio
import time

from connector.flows.recovering import recover
from connector.flows.sync import sync
from tests.at_work import NUMBER, POSTS, a_call, activities, two, until
from tests.flows.looking import PERSON, HastyClock
from tests.serving import Served, served
from tests.world import World, ago, install


async def test_installations_run_side_by_side(open_: Served) -> None:
    first, second = await two(open_)
    await open_.jobs.sync_all()
    await a_call(open_.world)
    await open_.world.fault("pipedrive", "delay", seconds=3, times=2, **POSTS)
    began = time.perf_counter()
    await open_.jobs.sync_all()
    assert time.perf_counter() - began < 6
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


async def test_each_run_is_written_down_with_its_outcome(open_: Served) -> None:
    tenant = await install(open_.service, since=ago(hours=1))
    await open_.jobs.runs.sync(tenant)
    assert ((await open_.service.operations.last_run(tenant.id)) or ("", ""))[1] == "finished"
    await a_call(open_.world)
    await open_.world.fault("pipedrive", "status_before", path="/persons", status=500, times=None)
    await open_.jobs.runs.sync(tenant)
    outcome = ((await open_.service.operations.last_run(tenant.id)) or ("", ""))[1]
    assert outcome.startswith("Unreachable: ")


async def test_a_stop_does_not_wait_until_a_long_period_is_read(world: World) -> None:
    # To the end it would take a minute.
    async with served(world, HastyClock()) as here:
        tenant = await install(here.service, since=ago(days=20))
        await world.fault("thulium", "delay", seconds=0.25, times=None, path="/connections\\?")
        running = asyncio.create_task(here.jobs.sync_all())
        await asyncio.sleep(0.5)
        began = time.perf_counter()
    assert time.perf_counter() - began < 7.5
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
    assert time.perf_counter() - began < 4
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
        await recover(theirs, command.operations)
        await asyncio.gather(open_.jobs.sync_all(), sync(theirs), open_.jobs.sync_all())
    await open_.jobs.catch_up()
    assert len(await world.activities()) == 10


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
