"""What operators and their machines ask: is it alive, is it ready, how is it doing."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import TypeVar

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from connector.clock import Clock

#: Whoever asks more often is told the same again: a look costs a scan of the ledger, or a turn at the database.
FRESH_FOR = timedelta(seconds=5)
T = TypeVar("T")


def routes(
    ready: Callable[[], Awaitable[dict[str, bool]]],
    refresh: Callable[[], Awaitable[None]],
    registry: CollectorRegistry,
    clock: Clock,
) -> web.RouteTableDef:
    """Health and metrics; `refresh` brings gauges up to date before they are shown."""
    ready, refresh = _now_and_then(ready, clock), _now_and_then(refresh, clock)
    table = web.RouteTableDef()

    @table.get("/health/live")
    async def live(_request: web.Request) -> web.Response:
        """The process answers."""
        return web.json_response({"status": "alive"})

    @table.get("/health/ready")
    async def is_ready(_request: web.Request) -> web.Response:
        """Database and scheduler work; a tenant's dead token is no reason to take the service away."""
        checks = await ready()
        good = all(checks.values())
        return web.json_response(
            {"status": "ready" if good else "not ready", "checks": checks}, status=200 if good else 503
        )

    @table.get("/metrics")
    async def metrics(_request: web.Request) -> web.Response:
        """Prometheus metrics."""
        await refresh()
        return web.Response(body=generate_latest(registry), headers={"Content-Type": CONTENT_TYPE_LATEST})

    return table


def _now_and_then(look: Callable[[], Awaitable[T]], clock: Clock) -> Callable[[], Awaitable[T]]:
    """What `look` finds, looked at once in five seconds however many ask."""
    turn = asyncio.Lock()
    latest: tuple[datetime, T] | None = None

    async def look_if_due() -> T:
        nonlocal latest
        async with turn:
            if latest is None or not timedelta() <= clock.now() - latest[0] < FRESH_FOR:
                latest = clock.now(), await look()
            return latest[1]

    return look_if_due
