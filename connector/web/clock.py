"""Moving the service's clock over HTTP: for tests and the demo, mounted only there."""

from __future__ import annotations

import ipaddress
from datetime import timedelta

import orjson
from aiohttp import web

from connector.clock import Clock

FURTHEST_S = 10 * 366 * 86_400


def routes(clock: Clock) -> web.RouteTableDef:
    """`GET` and `POST /_clock`, for callers on this machine only; the body is `{"offset_seconds": number}`."""
    table = web.RouteTableDef()

    @table.get("/_clock")
    async def show(request: web.Request) -> web.Response:
        """What time the service thinks it is."""
        _only_from_loopback(request)
        return _time(clock)

    @table.post("/_clock")
    async def move(request: web.Request) -> web.Response:
        """Set how far the service's time is ahead of real time."""
        _only_from_loopback(request)
        try:
            seconds = orjson.loads(await request.read())["offset_seconds"]
            if isinstance(seconds, bool) or abs(seconds) > FURTHEST_S:
                raise ValueError
            offset = timedelta(seconds=seconds)
        except (ValueError, TypeError, KeyError) as error:
            raise web.HTTPBadRequest(text="offset_seconds must be a number within ten years") from error
        clock.move_to(offset)
        return _time(clock)

    return table


def _time(clock: Clock) -> web.Response:
    return web.json_response({"now": clock.now().isoformat(), "offset_seconds": clock.offset.total_seconds()})


def _only_from_loopback(request: web.Request) -> None:
    try:
        near = ipaddress.ip_address(request.remote or "").is_loopback
    except ValueError:
        near = False
    if not near:
        raise web.HTTPForbidden
