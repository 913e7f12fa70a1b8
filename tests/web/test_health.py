"""What operators and their machines are told."""

from __future__ import annotations

import asyncio
import shutil
from collections import Counter
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from aiohttp import ClientSession, web
from prometheus_client import CollectorRegistry

from connector.clock import Clock
from connector.web import health
from tests.bad_days.days import empty_database
from tests.flows.looking import PERSON, HastyClock
from tests.serving import Served, served
from tests.world import ago, install, listening, open_world


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Served]:
    async with open_world(tmp_path, pipedrive_timeout=5.0, thulium_timeout=5.0) as world:
        shutil.copy(empty_database(), world.database)
        async with served(world, HastyClock()) as here:
            yield here


async def ask(here: Served, path: str) -> tuple[int, str]:
    async with here.world.http.get(here.origin + path) as answer:
        return answer.status, await answer.text()


async def test_a_running_service_is_alive_and_ready(here: Served) -> None:
    assert await ask(here, "/health/live") == (200, '{"status": "alive"}')
    status, text = await ask(here, "/health/ready")
    assert status == 200
    assert '"database": true' in text
    assert '"webhooks": true' in text
    assert '"scheduler": true' in text


async def test_one_tenants_dead_token_does_not_take_the_service_away(here: Served) -> None:
    tenant = await install(here.service)
    await here.service.installations.mark_dead(tenant.id, tenant.installed.owner_user_id, "revoked")
    assert (await ask(here, "/health/ready"))[0] == 200
    assert f'connector_installation_healthy{{installation="{tenant.id}"}} 0.0' in await metrics(here)


async def test_a_contact_centre_that_cannot_be_read_is_told(here: Served) -> None:
    tenant = await install(here.service, since=ago(hours=1))
    label = f'installation="{tenant.id}"'
    (connection,) = tenant.centres
    await here.world.fault("thulium", "status_before", status=401, times=1000)
    await here.jobs.sync_all()
    text = await metrics(here)
    assert f'connector_centre_healthy{{connection="{connection}",{label}}} 0.0' in text
    assert f"connector_installation_healthy{{{label}}} 1.0" in text


async def test_the_last_run_that_went_through_is_told_and_an_installation_that_ended_is_not(
    here: Served,
) -> None:
    tenant = await install(here.service, since=ago(hours=1))
    label = f'installation="{tenant.id}"'
    assert "connector_last_finished_timestamp_seconds{" not in await metrics(here)
    began = here.service.clock.now().timestamp()
    await here.jobs.sync_all()
    here.service.clock.move_to(timedelta(seconds=10))
    (line,) = [
        one
        for one in (await metrics(here)).splitlines()
        if one.startswith("connector_last_finished_timestamp_seconds{")
    ]
    assert began - 1 < float(line.split()[-1]) < began + 60
    assert f'connector_centre_healthy{{connection="thulium:demo",{label}}} 1.0' in await metrics(here)
    await here.service.uninstall(tenant.id, tenant.installed.owner_user_id)
    here.service.clock.move_to(timedelta(seconds=20))
    text = await metrics(here)
    assert not [one for one in text.splitlines() if label in one and "healthy" in one]


async def metrics(here: Served) -> str:
    status, text = await ask(here, "/metrics")
    assert status == 200
    return text


async def test_a_scheduler_that_stands_still_makes_it_not_ready(here: Served) -> None:
    await here.jobs.stop()
    status, text = await ask(here, "/health/ready")
    assert (status, '"scheduler": false' in text) == (503, True)
    assert (await ask(here, "/health/live"))[0] == 200


async def test_metrics_count_events_tokens_and_runs_and_name_nobody(here: Served) -> None:
    world = here.world
    await world.seed_pipedrive(persons=[PERSON])
    tenant = await install(here.service, since=ago(hours=1))
    await world.happen("call", number="601000001", comment="tajne słowo")
    await world.happen("call", number="601777777")
    await here.jobs.sync_all()
    text = await metrics(here)
    label = f'installation="{tenant.id}"'
    for line in (
        f'connector_ledger_entries{{{label},state="done"}} 1.0',
        f'connector_ledger_entries{{{label},state="waiting"}} 1.0',
        f"connector_installation_healthy{{{label}}} 1.0",
        f'connector_outcomes_total{{{label},outcome="done"}} 1.0',
        f"connector_run_seconds_count{{{label}}} 1.0",
    ):
        assert line in text
    assert f"connector_pipedrive_tokens_today{{{label}}} " in text
    for word in ("601000001", "601777777", "Próba", "jan@", "tajne", "Przykład", "demo-", "anna"):
        assert word not in text


async def test_however_often_it_is_asked_the_database_is_looked_at_once_in_five_seconds() -> None:
    clock, looks = Clock(), Counter[str]()

    async def ready() -> dict[str, bool]:
        looks["ready"] += 1
        await asyncio.sleep(0.01)
        return {"database": looks["ready"] < 2}

    async def refresh() -> None:
        looks["refresh"] += 1

    app = web.Application()
    app.add_routes(health.routes(ready, refresh, CollectorRegistry(), clock))
    async with listening(app) as origin, ClientSession() as session:

        async def status(path: str) -> int:
            async with session.get(origin + path) as answer:
                return answer.status

        together = await asyncio.gather(*(status("/health/ready") for _ in range(5)))
        assert [*together, await status("/metrics"), await status("/metrics")] == [200] * 7
        assert looks == {"ready": 1, "refresh": 1}
        clock.move_to(timedelta(seconds=5))
        assert (await status("/health/ready"), await status("/metrics")) == (503, 200)
        assert looks == {"ready": 2, "refresh": 2}
        clock.move_to(timedelta(seconds=-3600))
        await status("/metrics")
        assert looks["refresh"] == 3


async def test_a_look_that_failed_is_tried_again_at_once() -> None:
    failures = [OSError]

    async def refresh() -> None:
        if failures:
            raise failures.pop()

    async def ready() -> dict[str, bool]:
        return {}

    app = web.Application()
    app.add_routes(health.routes(ready, refresh, CollectorRegistry(), Clock()))
    async with listening(app) as origin, ClientSession() as session:
        for expected in (500, 200):
            async with session.get(f"{origin}/metrics") as answer:
                assert answer.status == expected
