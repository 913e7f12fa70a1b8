"""How a call of the API is answered: who asks, with which right, and what a resource needs to know."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias, TypeVar

import orjson
from aiohttp import web
from aiohttp.hdrs import ACCEPT_LANGUAGE, AUTHORIZATION
from multidict import MultiMapping

from connector.sandbox.thulium.state import ApiUser, System
from connector.sandbox.thulium.wire import ApiError, Body, answer, error

Row = TypeVar("Row")


@dataclass(slots=True)
class Ask:
    """One call: the system asked, the ids of its path, its query and its JSON body."""

    system: System
    path: Mapping[str, str]
    query: MultiMapping[str]
    body: Body
    listed: list[Body]
    """Rows of a body that is an array."""

    @property
    def now(self) -> datetime:
        """The simulated time."""
        return self.system.now()

    def number(self, name: str) -> int:
        """An id of the path; anything but a number is not found."""
        if not (text := self.path[name]).isdecimal():
            raise ApiError(404, "Not found")
        return int(text)

    def wants(self, flag: str) -> bool:
        """Whether an `include_…` flag is set."""
        return self.query.get(flag, "").lower() in ("true", "1")

    def page(self, cap: int) -> tuple[int, int]:
        """`limit` (default 100, at most `cap`) and `offset` (default 0)."""
        limit, offset = self._count("limit", min(cap, 100)), self._count("offset", 0)
        if not 1 <= limit <= cap:
            raise ApiError(400, "Invalid value", f"limit (1 to {cap})")
        return limit, offset

    def _count(self, key: str, default: int) -> int:
        if not (text := self.query.get(key, "")):
            return default
        if not text.isdecimal():
            raise ApiError(400, "Invalid value", key)
        return int(text)

    def envelope(self, found: Sequence[Row], show: Callable[[Row], object]) -> dict[str, object]:
        """`{count, result}` of an event list: one page of what was found, 100 rows at most."""
        limit, offset = self.page(100)
        rows = [show(row) for row in found[offset : offset + limit]]
        if self.system.switches.repeat_lists:
            rows += rows[: limit - len(rows)]
            self.system.chance.shuffle(rows)
        return {"count": len(found), "result": rows}


@dataclass(slots=True)
class Created:
    """An answer with status 201."""

    value: object


Route: TypeAlias = tuple[str, str, Callable[[Ask], object]]


def routes(system: System, prefix: str, resources: Iterable[Route]) -> list[web.RouteDef]:
    """Serve resources of a system under a prefix; `:id` in a pattern becomes a part of the path."""
    return [
        web.route(method, prefix + "/api/" + _template(pattern), _handler(system, pattern, resource))
        for method, pattern, resource in resources
    ]


def _template(pattern: str) -> str:
    return "/".join("{" + part[1:] + "}" if part.startswith(":") else part for part in pattern.split("/"))


def _handler(
    system: System, element: str, resource: Callable[[Ask], object]
) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def handle(request: web.Request) -> web.StreamResponse:
        try:
            user = authenticated(system, request.headers.get(AUTHORIZATION, ""))
            if not user.may(request.method, element):
                raise ApiError(403, "Access denied", f"{request.method} {element}")
            if system.switches.slow:
                await asyncio.sleep(system.switches.slow)
            body, listed = await _read(request)
            ask = Ask(system, request.match_info, request.query, body, listed)
            value = resource(ask)
        except ApiError as refusal:
            language = request.headers.get(ACCEPT_LANGUAGE, "en")
            return error(refusal.status, refusal.message, refusal.about, language=language)
        return answer(value.value, 201) if isinstance(value, Created) else answer(value)

    return handle


def authenticated(system: System, header: str) -> ApiUser:
    """Find the API user of a Basic `Authorization` header."""
    scheme, _, token = header.partition(" ")
    if scheme.lower() == "basic":
        try:
            login, _, password = base64.b64decode(token, validate=True).decode().partition(":")
        except ValueError:
            login = password = ""
        user = system.users.get(login)
        if user is not None and user.password == password:
            return user
    raise ApiError(401, "Authentication required")


async def _read(request: web.Request) -> tuple[Body, list[Body]]:
    if not request.body_exists or not (raw := await request.read()):
        return Body({}), []
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError:
        raise ApiError(400, "Invalid value", "JSON") from None
    if isinstance(value, dict):
        return Body(value), []
    if isinstance(value, list):
        return Body({}), Body({"": value}).rows("")
    raise ApiError(400, "Invalid value", "JSON")
