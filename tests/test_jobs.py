"""What happens by itself while the service runs."""

from __future__ import annotations

import asyncio
import logging
import time
from datetime import timedelta

import pytest

from connector.flows.indexing import ensure
from tests.at_work import NUMBER, a_call, activities, change, rows, two, until
from tests.flows.looking import HastyClock, hooks
from tests.serving import Served, served
from tests.world import World, ago, install


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


async def test_stopping_while_jobs_are_under_way_is_told_as_no_error(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(5):
        async with served(world, HastyClock()):
            pass
    assert [line.getMessage() for line in caplog.records if line.levelno >= logging.WARNING] == []


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


async def test_an_installation_that_hangs_at_the_start_holds_up_no_other(world: World) -> None:
    async with served(world, HastyClock()) as here:
        first, second = await two(here)
        await here.jobs.sync_all()
        await a_call(world)
    await world.fault("pipedrive", "delay", seconds=6, path="/activities\\?")
    began = time.perf_counter()
    async with served(world, HastyClock()) as here:
        running = asyncio.create_task(here.jobs.sync_all())

        async def one_written() -> bool:
            return await activities(world, first) + await activities(world, second) == 1

        await until(one_written)
        assert time.perf_counter() - began < 5
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
