"""A lost database, and one restored from a backup: nothing is written twice."""

from __future__ import annotations

import shutil
import sqlite3
from datetime import timedelta
from pathlib import Path

import pytest

from connector.app import Service
from connector.clock import Clock
from connector.errors import Retryable
from connector.flows.auditing import rebuild
from connector.flows.recovering import catch_up, recover
from connector.flows.sync import backfill, sync
from connector.flows.tenant import Tenant
from connector.jobs import Jobs
from connector.pipedrive.budget import Budget
from connector.records import Window
from tests.flows.looking import PERSON, HastyClock, spent
from tests.world import World, ago, install, settle_down

CALLS = (50, 40, 30)


async def a_day(world: World, service: Service) -> Tenant:
    await world.seed_pipedrive(persons=[PERSON])
    tenant = await install(service, since=ago(hours=3))
    calls = [{"number": "601000001", "at": ago(minutes=minutes).isoformat()} for minutes in CALLS]
    await world.seed_centre(calls=calls)
    await settle_down(service, tenant)
    return tenant


def jobs_of(service: Service) -> Jobs:
    return Jobs(
        service.settings, service.tenants, service.renew_grant, service.installations, service.deliveries,
        service.operations, service.access, service.devices, service.metrics, service.self_test,
        service.watch,
    )  # fmt: skip


def copy(source: Path, target: Path) -> None:
    with sqlite3.connect(source) as old, sqlite3.connect(target) as new:
        old.backup(new)


def ahead(**amount: float) -> Clock:
    clock = HastyClock()
    clock.move_to(timedelta(**amount))
    return clock


async def test_a_database_lost_for_good_knows_its_activities_again_by_the_same_keys(
    world: World, tmp_path: Path
) -> None:
    async with world.connector(HastyClock()) as service:
        await a_day(world, service)
    world.database.unlink()
    async with world.connector(HastyClock()) as service:
        tenant = await install(service, since=ago(hours=3))
        assert await rebuild(tenant, ago(hours=3)) == len(CALLS)
        await settle_down(service, tenant)
        assert (await tenant.ledger.counts())["done"] == len(CALLS)
        counts = await backfill(tenant, Window(ago(hours=3), ago()), budget=Budget(100))
        assert counts["done"] == 0
    assert len(await world.activities()) == len(CALLS)


async def test_rebuilding_twice_changes_nothing(world: World, service: Service) -> None:
    tenant = await a_day(world, service)
    for _ in range(2):
        assert await rebuild(tenant, ago(hours=3)) == len(CALLS)
    assert (await tenant.ledger.counts())["done"] == len(CALLS)


async def restored(world: World, tmp_path: Path) -> None:
    """Yesterday's backup, made before anything happened, takes the place of today's database."""
    backup = tmp_path / "backup.db"
    async with world.connector(HastyClock()) as service:
        await world.seed_pipedrive(persons=[PERSON])
        tenant = await install(service, since=ago(hours=3))
        await recover(tenant, service.operations)
        await sync(tenant)
        copy(world.database, backup)
        calls = [{"number": "601000001", "at": ago(minutes=minutes).isoformat()} for minutes in CALLS]
        await world.seed_centre(calls=calls)
        await settle_down(service, tenant)
    for suffix in ("-wal", "-shm"):
        world.database.with_name(world.database.name + suffix).unlink(missing_ok=True)
    shutil.copy(backup, world.database)


async def test_a_restored_backup_adopts_what_it_does_not_remember(world: World, tmp_path: Path) -> None:
    await restored(world, tmp_path)
    async with world.connector(ahead(hours=2)) as service:
        await jobs_of(service).sync_all()
        (tenant,) = await service.tenants()
        assert (await tenant.ledger.counts())["done"] == len(CALLS)
    assert len(await world.activities()) == len(CALLS)


@pytest.mark.parametrize("minutes", [1, 20, 59])
async def test_a_backup_restored_soon_adopts_what_it_does_not_remember(
    world: World, tmp_path: Path, minutes: int
) -> None:
    await restored(world, tmp_path)
    async with world.connector(ahead(minutes=minutes)) as service:
        await jobs_of(service).sync_all()
        (tenant,) = await service.tenants()
        assert (await tenant.ledger.counts())["done"] == len(CALLS)
    assert len(await world.activities()) == len(CALLS)


async def test_a_restored_backup_writes_nothing_before_pipedrive_could_be_asked(
    world: World, tmp_path: Path
) -> None:
    await restored(world, tmp_path)
    async with world.connector(ahead(hours=2)) as service:
        await world.fault("pipedrive", "status_before", path="/activities\\?", times=None, status=503)
        await jobs_of(service).sync_all()
        await world.mend("pipedrive")
    assert len(await world.activities()) == len(CALLS)
    # Nor does the next start take the gap for closed.
    async with world.connector(ahead(hours=2)) as service:
        await jobs_of(service).sync_all()
        (tenant,) = await service.tenants()
        assert (await tenant.ledger.counts())["done"] == len(CALLS)
    assert len(await world.activities()) == len(CALLS)


async def test_the_command_line_asks_before_it_writes_too(world: World, tmp_path: Path) -> None:
    await restored(world, tmp_path)
    async with world.connector(ahead(hours=2)) as service:
        (tenant,) = await service.tenants()
        await world.fault("pipedrive", "status_before", path="/activities\\?", times=None, status=503)
        with pytest.raises(Retryable):
            await recover(tenant, service.operations)
        await world.mend("pipedrive")
        await recover(tenant, service.operations)
        await settle_down(service, tenant)
    assert len(await world.activities()) == len(CALLS)


async def test_a_short_rest_costs_a_look_and_a_longer_one_a_sweep_too(world: World, service: Service) -> None:
    tenant = await a_day(world, service)
    before = await spent(world)
    await catch_up(tenant, None)
    assert await spent(world) == before
    await catch_up(tenant, ago(minutes=2))
    assert await spent(world) == before + 10
    await world.edit(
        entity="person", action="create", changes={"name": "Ewa", "phones": [{"value": "+48601000002"}]}
    )
    await catch_up(tenant, ago(minutes=10))
    key = tenant.ledger.keys.key("+48601000002")
    assert await tenant.index.candidates([key])
