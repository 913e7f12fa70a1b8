"""The door for webhooks: who may come in, and that nothing is acknowledged before it is stored."""

from __future__ import annotations

import asyncio
import base64
import shutil
import sqlite3
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, web

from connector.flows.tenant import Tenant
from connector.store.operations import Deliveries
from connector.web.hooks import LARGEST_BODY, Door, routes
from tests.bad_days.days import empty_database
from tests.serving import Served, served
from tests.store.stock import open_stock
from tests.world import World, install, listening, open_world


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Served]:
    async with open_world(tmp_path, pipedrive_timeout=5.0, thulium_timeout=5.0) as world:
        shutil.copy(empty_database(), world.database)
        async with served(world) as here:
            yield here


def stored(world: World) -> list[tuple[Any, ...]]:
    """Deliveries as another process sees them."""
    with sqlite3.connect(world.database) as elsewhere:
        return elsewhere.execute("select source, done_at is not null, reason from delivery").fetchall()


def basic(user: str, password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


async def test_a_webhook_is_stored_before_it_is_acknowledged(here: Served) -> None:
    tenant = await install(here.service)
    for n in range(20):
        assert await here.knock(tenant, b'{"meta": {}}') == 202
        assert len(stored(here.world)) == n + 1


@pytest.mark.parametrize("source", ["pipedrive", "thulium:demo"])
async def test_without_the_right_password_nobody_comes_in(here: Served, source: str) -> None:
    tenant = await install(here.service)
    right = tenant.installed.hook_password
    wrong = [
        {"Authorization": ""}, {"Authorization": "Bearer x"}, basic("connector", "wrong"), basic("other", right),
        {"Authorization": "Basic \xff\xfe"}, basic("connector", ""),
    ]  # fmt: skip
    for headers in wrong:
        assert await here.knock(tenant, b"{}", source=source, **headers) == 401
    assert stored(here.world) == []
    assert await here.knock(tenant, b"{}", source=source) == 202


async def test_the_password_of_one_door_opens_no_other(here: Served) -> None:
    tenant = await install(here.service)
    (centre,) = await here.service.installations.centres(tenant.id)
    assert await here.knock(tenant, b"{}", **basic("connector", centre.hook_password)) == 401
    door = basic("connector", tenant.installed.hook_password)
    assert await here.knock(tenant, b"{}", source="thulium:demo", **door) == 401


async def test_a_door_that_is_not_there_is_not_found(here: Served) -> None:
    for path in ("/hooks/pipedrive/nothing", "/hooks/centre/nothing", "/hooks/other/x", "/hooks/"):
        async with here.world.http.post(here.origin + path, data=b"{}") as answer:
            assert answer.status == 404
            assert b"<html" not in await answer.read()
    async with here.world.http.get(here.origin + "/hooks/pipedrive/nothing") as answer:
        assert answer.status == 405


async def test_a_body_larger_than_any_vendors_is_refused_unread(here: Served) -> None:
    tenant = await install(here.service)
    assert await here.knock(tenant, b"x" * (LARGEST_BODY + 1)) == 413
    assert stored(here.world) == []
    assert await here.knock(tenant, b"x" * (LARGEST_BODY - 1)) == 202


async def test_an_action_nobody_has_heard_of_is_acknowledged_and_closed(here: Served) -> None:
    tenant = await install(here.service, live=True)
    for body in (b"action=BRAND_NEW&thing=1", b"action=", b"\xff\xfe", b"", b"{", b'{"action": []}'):
        assert await here.knock(tenant, body, source="thulium:demo") == 202
    await all_closed(here)
    assert {reason for _, _, reason in stored(here.world)} == {""}


async def all_closed(here: Served) -> None:
    for _ in range(200):
        if not await here.service.deliveries.waiting():
            return
        await asyncio.sleep(0.02)
    raise AssertionError("webhooks stayed open")


async def test_after_an_uninstall_the_doors_are_gone(here: Served) -> None:
    tenant = await install(here.service)
    assert await here.service.uninstall(tenant.id, tenant.installed.owner_user_id)
    assert await knock_at(here, tenant) == 404


async def knock_at(here: Served, tenant: Tenant) -> int:
    url = f"{here.origin}/hooks/pipedrive/{tenant.installed.hook_path}"
    door = basic("connector", tenant.installed.hook_password)
    async with here.world.http.post(url, data=b"{}", headers=door) as answer:
        return answer.status


async def test_a_door_made_by_another_process_opens_within_moments(here: Served) -> None:
    async with here.world.connector() as elsewhere:
        tenant = await install(elsewhere)
    here.service.clock.move_to(timedelta(seconds=10))
    assert await knock_at(here, tenant) == 202


async def test_what_was_stored_when_the_service_went_down_is_followed_when_it_is_back(
    tmp_path: Path,
) -> None:
    async with open_world(tmp_path, pipedrive_timeout=5.0, thulium_timeout=5.0) as world:
        async with served(world) as here:
            tenant = await install(here.service)
            await here.jobs.stop()
            assert await here.knock(tenant, b'{"meta": {"entity": "person", "entity_id": 1}}') == 202
            assert stored(world) == [("pipedrive", 0, "")]
        async with served(world) as here:
            await all_closed(here)


async def test_whoever_hears_of_a_delivery_breaks_neither_it_nor_its_answer(tmp_path: Path) -> None:
    heard: list[tuple[str, str, str, bytes]] = []

    def hear(*told: object) -> None:
        heard.append(told)  # type: ignore[arg-type]
        raise RuntimeError

    async def look_again() -> None:
        return

    async with open_stock(tmp_path) as stock:
        deliveries = Deliveries(stock.db, stock.vault, stock.clock)
        doors = {"door": Door.for_basic("1", "thulium:demo", "connector", "secret")}
        app = web.Application()
        app.add_routes(routes(doors, deliveries, lambda: None, look_again, hear))
        async with listening(app) as origin, ClientSession() as http:
            url, given = f"{origin}/hooks/centre/door", basic("connector", "secret")
            async with http.post(url, data=b"action=AGENT_RINGING", headers=given) as answer:
                assert answer.status == 202
        assert [one.body for one in await deliveries.waiting("1")] == [b"action=AGENT_RINGING"]
    assert [(one[0], one[1], one[3]) for one in heard] == [("1", "thulium:demo", b"action=AGENT_RINGING")]
