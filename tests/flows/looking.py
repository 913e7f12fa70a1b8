"""What the simulators are asked about, beside what `World` asks."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import orjson
from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from connector.clock import Clock
from tests.world import World

PERSON = {"name": "Jan Próba", "phones": ["+48 601 000 001"], "emails": ["jan@example.com"]}


class HastyClock(Clock):
    """True time, but nobody sleeps for long."""

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(min(seconds / 5, 0.03))


async def ask(world: World, side: str, path: str, **query: object) -> Any:
    url = f"{getattr(world, side)}/_sandbox/{path}"
    async with world.http.get(url, params={k: str(v) for k, v in query.items()}) as answer:
        assert answer.status == 200, await answer.text()
        return await answer.json()


async def tell(world: World, side: str, path: str, **body: object) -> Any:
    async with world.http.post(f"{getattr(world, side)}/_sandbox/{path}", json=body) as answer:
        assert answer.status < 300, await answer.text()
        return await answer.json()


async def spent(world: World) -> int:
    """Tokens that Pipedrive has counted today."""
    return int((await ask(world, "pipedrive", "tokens"))["spent"])


async def spent_on(world: World) -> Counter[str]:
    """The same by operation."""
    return Counter((await ask(world, "pipedrive", "tokens"))["by_operation"])


async def forget_calls(world: World, side: str) -> None:
    async with world.http.delete(f"{getattr(world, side)}/_sandbox/calls") as answer:
        assert answer.status == 204


async def forget(world: World) -> None:
    """Forget what either side was asked for."""
    for side in ("pipedrive", "thulium"):
        await forget_calls(world, side)


async def writes(world: World) -> list[str]:
    """What was written on either side since the calls were forgotten: `pipedrive PATCH /api/v2/persons/1`."""
    return [
        f"{side} {call['method']} {call['path']}"
        for side in ("pipedrive", "thulium")
        for call in await world.calls(side)
        if call["method"] != "GET"
    ]


async def hooks(world: World) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = await ask(world, "pipedrive", "hooks")
    return found


async def subscriptions(world: World) -> int:
    return int((await ask(world, "thulium", "state"))["subscriptions"])


def inserting(path: str, row: object) -> Middleware:
    """Put `row` before those of each list that a simulator answers at `path`."""

    @web.middleware
    async def insert(request: web.Request, handler: Handler) -> web.StreamResponse:
        answer = await handler(request)
        if request.method != "GET" or request.path != path:
            return answer
        assert isinstance(answer, web.Response)
        assert isinstance(answer.body, bytes)
        page = orjson.loads(answer.body)
        page["data"] = [row, *(page["data"] or [])]
        return web.json_response(page)

    return insert
