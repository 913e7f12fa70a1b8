"""What operators and their machines ask: is it alive, is it ready, how is it doing."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest


def routes(
    ready: Callable[[], Awaitable[dict[str, bool]]],
    refresh: Callable[[], Awaitable[None]],
    registry: CollectorRegistry,
) -> web.RouteTableDef:
    """Health and metrics; `refresh` brings gauges up to date before they are shown."""
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
