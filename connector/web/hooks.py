"""Webhooks of both vendors: authenticate, store word for word, answer. The work happens later."""

from __future__ import annotations

import base64
import hmac
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

import structlog
from aiohttp import web

from connector.store.operations import Deliveries

log = structlog.get_logger()

#: Larger than any payload of either vendor.
LARGEST_BODY = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Door:
    """Where one sender may knock, and what it must say: the whole expected Authorization header."""

    installation_id: str
    source: str
    authorization: bytes

    @classmethod
    def for_basic(cls, installation_id: str, source: str, user: str, password: str) -> Door:
        """A door that opens to HTTP Basic credentials."""
        credentials = base64.b64encode(f"{user}:{password}".encode())
        return cls(installation_id, source, b"Basic " + credentials)


async def admitted(
    request: web.Request, doors: Mapping[str, Door], look_again: Callable[[], Awaitable[None]]
) -> Door:
    """The door that `request` knocks at; HTTPNotFound where there is none, HTTPUnauthorized without its credentials."""
    path = request.match_info["path"]
    door = doors.get(path)
    if door is None:
        await look_again()
        if (door := doors.get(path)) is None:
            raise web.HTTPNotFound
    given = request.headers.get("Authorization", "").encode("utf-8", "replace")
    if not hmac.compare_digest(given, door.authorization):
        raise web.HTTPUnauthorized(headers={"WWW-Authenticate": 'Basic realm="connector"'})
    return door


def routes(
    doors: Mapping[str, Door],
    deliveries: Deliveries,
    arrived: Callable[[], None],
    look_again: Callable[[], Awaitable[None]],
    hear: Callable[[str, str, str, bytes], None],
) -> web.RouteTableDef:
    """The webhook route; `look_again` refreshes `doors` when an unknown one is knocked at, at most now and then.

    `hear` is given each delivery (installation, source, content type, body) at once, for whom it is news: a phone rings.
    """
    table = web.RouteTableDef()

    @table.post("/hooks/{kind:pipedrive|centre}/{path}")
    async def receive(request: web.Request) -> web.Response:
        """Take one delivery; durable before it is acknowledged."""
        door = await admitted(request, doors, look_again)
        body, content_type = await request.read(), request.headers.get("Content-Type", "")
        await deliveries.store(door.installation_id, door.source, content_type, body)
        arrived()
        # What is stored is acknowledged, whatever comes of the news.
        try:
            hear(door.installation_id, door.source, content_type, body)
        except Exception:
            log.exception("news not heard", installation=door.installation_id)
        return web.Response(status=202)

    return table
