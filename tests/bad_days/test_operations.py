"""What operators do: two processes on one database, yesterday's backup, a stop in the middle of the work."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from connector.app import Service
from connector.flows.auditing import rebuild
from connector.flows.recovering import recover
from connector.flows.sync import sync
from connector.jobs import Jobs
from tests.bad_days.days import Day, QuickClock
from tests.flows.desk import ACTIVITIES, Desk, open_desk


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with open_desk(tmp_path) as opened:
        yield opened


def jobs_of(service: Service) -> Jobs:
    return Jobs(
        service.settings, service.tenants, service.renew_grant, service.installations, service.deliveries,
        service.operations, service.access, service.devices, service.metrics, service.self_test,
        service.watch,
    )  # fmt: skip


def sends(day: Day) -> int:
    log = day.faults("pipedrive").log
    return sum((call.method, call.target) == ("POST", "/api/v2/activities") for call in log)


async def sent(day: Day, number: int) -> None:
    """Wait until so many activities have been sent."""
    while sends(day) < number:  # noqa: ASYNC110  # the log of calls is no event
        await asyncio.sleep(0.005)


def put_back(backup: Path, database: Path) -> None:
    """Restore a database from its backup, as operators do with the service stopped."""
    for left in database.parent.glob(f"{database.name}*"):
        left.unlink()
    backup.rename(database)


async def test_two_processes_on_one_database_write_every_event_once(desk: Desk) -> None:
    desk.day.fault("pipedrive", kind="delay", seconds=0.005, times=None, **ACTIVITIES)
    async with desk.day.connector() as other:
        for _ in range(3):
            for _ in range(40):
                desk.call()
            both = [await desk.tenant(), await other.tenant(desk.tenant_id)]
            await asyncio.gather(*(sync(tenant) for tenant in both), *(sync(tenant) for tenant in both))
    await desk.settle()
    assert sends(desk.day) == 120
    assert not desk.day.wrong()


async def test_two_processes_look_for_the_same_lost_answers_and_send_them_once(desk: Desk) -> None:
    desk.day.fault("pipedrive", kind="status_before", times=20, **ACTIVITIES)
    for _ in range(20):
        desk.call()
    await desk.run()
    assert await desk.states() == {"sending": 20}
    async with desk.day.connector() as other:
        for wait in (185, 65, 65, 905):
            await desk.day.move(wait)
            both = [await desk.tenant(), await other.tenant(desk.tenant_id)]
            await asyncio.gather(*(sync(tenant) for tenant in both))
    await desk.settle()
    assert sends(desk.day) == 40
    assert not desk.day.wrong()


async def test_a_process_that_slept_through_its_lease_settles_late_and_its_double_is_healed(
    tmp_path: Path,
) -> None:
    """As when a machine is suspended: its request gets through after another process took over and sent again."""
    async with open_desk(tmp_path, pipedrive_timeout=10) as desk:
        desk.day.fault("pipedrive", kind="delay", seconds=3.0, **ACTIVITIES)
        desk.call()
        sleeping = asyncio.create_task(sync(await desk.tenant()))
        await sent(desk.day, 1)
        awake = QuickClock()
        awake.move_to(desk.day.clock.now() - awake.now())
        async with desk.day.world.connector(awake) as other:
            for wait in (125, 185, 65):
                awake.move_to(awake.offset + timedelta(seconds=wait))
                await sync(await other.tenant(desk.tenant_id))
        counts = await sleeping
        assert (sends(desk.day), len(desk.day.written()), counts["late"]) == (2, 2, 1)
        await desk.settle()
        assert desk.day.counts["healed"] == 1
        assert not desk.day.wrong()


async def test_yesterdays_backup_restored_writes_nothing_twice(tmp_path: Path) -> None:
    async with open_desk(tmp_path) as desk:
        for _ in range(3):
            desk.call()
        await recover(await desk.tenant(), desk.service.operations)
        await desk.settle()
        desk.call()
        backup = tmp_path / "backup.db"
        with (
            closing(sqlite3.connect(desk.day.world.database)) as live,
            closing(sqlite3.connect(backup)) as copy,
        ):
            live.backup(copy)
        await desk.settle()
        for _ in range(4):
            await desk.day.move(6 * 3600)
            desk.call()
            await desk.run()
        before = len(desk.day.written())
        await desk.service.close()
        put_back(backup, desk.day.world.database)
        async with desk.day.connector() as service:
            await recover(await service.tenant(desk.tenant_id), service.operations)
            await desk.day.settle(service, desk.tenant_id)
            assert len(desk.day.written()) == before == 8
            assert not desk.day.wrong()
            desk.call()
            await desk.day.settle(service, desk.tenant_id)
            assert not desk.day.wrong()


async def test_a_lost_database_set_up_anew_finds_what_it_had_written(tmp_path: Path) -> None:
    """With the old secret key the markers are the same, so a rebuild adopts all of them."""
    async with open_desk(tmp_path) as desk:
        since = desk.day.system.now() - timedelta(hours=1)
        for _ in range(3):
            desk.call()
        await desk.settle()
        written = sends(desk.day)
        async with desk.day.connector(database_url=f"sqlite:///{tmp_path}/new.db") as service:
            tenant = await desk.day.install(service, since)
            assert await rebuild(tenant, since) == 3
            await desk.day.settle(service, tenant.id)
            assert sends(desk.day) == written
            desk.call()
            await desk.day.settle(service, tenant.id)
        assert not desk.day.wrong()


async def test_a_stop_in_the_middle_of_writing_settles_what_was_sent_and_gives_back_the_rest(
    desk: Desk,
) -> None:
    desk.day.fault("pipedrive", kind="delay", seconds=0.05, times=None, **ACTIVITIES)
    for _ in range(60):
        desk.call()
    jobs = jobs_of(desk.service)
    running = asyncio.create_task(jobs.sync_all())
    await sent(desk.day, 20)
    await jobs.stop()
    await running
    states = await desk.states()
    assert 20 <= states["done"] < 60
    assert states == {"done": len(desk.day.written()), "new": 60 - len(desk.day.written())}
    await desk.settle()
    assert sends(desk.day) == 60
    assert not desk.day.wrong()


async def test_a_run_that_is_cancelled_leaves_nothing_half_sent(desk: Desk) -> None:
    """As when the scheduler is shut down without waiting: what has begun is still settled."""
    desk.day.fault("pipedrive", kind="delay", seconds=0.05, times=None, **ACTIVITIES)
    for _ in range(60):
        desk.call()
    running = asyncio.create_task(sync(await desk.tenant()))
    await sent(desk.day, 20)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert "sending" not in await desk.states()
    await desk.settle()
    assert sends(desk.day) == 60
    assert not desk.day.wrong()


async def test_a_day_that_ends_between_two_runs_is_read_in_full(desk: Desk) -> None:
    for _ in range(6):
        desk.call()
        await desk.run()
        await desk.day.move(timedelta(hours=5).total_seconds())
    await desk.settle()
    assert not desk.day.wrong()
