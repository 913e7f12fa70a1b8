"""What is done to a service at work, and what is waited for."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Awaitable, Callable
from typing import Any

import orjson

from connector.flows.tenant import Tenant
from tests.flows.looking import PERSON, tell
from tests.serving import Served
from tests.world import PASSWORD, SYSTEM, USER, World, ago, switch_on

NUMBER = "601000001"
POSTS = {"method": "POST", "path": "^/api/v2/activities$"}


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
        await switch_on(here.service, installation)
    return await here.service.tenant(first), await here.service.tenant(second)


async def activities(world: World, tenant: Tenant) -> int:
    url = f"{world.pipedrive}/_sandbox/activities?company={tenant.id}"
    async with world.http.get(url) as answer:
        return len(await answer.json())


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
