"""The gate of every API call: token, scope, account, limits; and the table of operations behind it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeAlias

import orjson
from aiohttp import web

from connector.sandbox.pipedrive.errors import Refused, over_limit, unauthorised, v1_error
from connector.sandbox.pipedrive.state import Access, Company, User, World
from connector.sandbox.wire import Object, answer, as_object

Handler: TypeAlias = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(slots=True)
class Call:
    """One admitted API call."""

    world: World
    request: web.Request
    access: Access
    company: Company
    user: User

    @property
    def id(self) -> int:
        """The numeric id in the path."""
        return int(self.request.match_info["id"])

    async def body(self) -> Object:
        """The body, which must be a JSON object."""
        value = await self.json()
        try:
            return as_object(value)
        except ValueError as error:
            raise Refused(400, _unreadable("must be an object")) from error

    async def json(self) -> object:
        """The body, which must be JSON."""
        if self.request.content_type != "application/json":
            raise Refused(400, _unreadable("content-type must be application/json"))
        try:
            value: object = orjson.loads(await self.request.read())
        except orjson.JSONDecodeError as error:
            raise Refused(400, _unreadable("body is not valid JSON")) from error
        return value


def _unreadable(why: str) -> Object:
    return {"success": False, "error": f"Bad request: {why}", "code": "ERR_BAD_REQUEST"}


@dataclass(frozen=True)
class Operation:
    """An endpoint: `cost` in tokens, and the scopes of which one is needed (none: `base` is enough)."""

    method: str
    path: str
    cost: int
    scopes: tuple[str, ...]
    handle: Callable[[Call], Awaitable[web.Response]]
    search: bool = False


def ok(data: object, **more: object) -> web.Response:
    """Answer 200 in the vendor's envelope."""
    return answer({"success": True, "data": data, **more})


def serve(world: World, operation: Operation) -> Handler:
    """Put an operation behind the gate."""
    name = f"{operation.method} {operation.path}"
    v1 = operation.path.startswith("/v1")
    allowed = frozenset(operation.scopes)

    async def handler(request: web.Request) -> web.Response:
        access = None
        try:
            access = identify(world, request)
            _admit(world, access, operation, name, allowed, v1=v1)
            response = await operation.handle(Call(world, request, access, access.company, access.user))
        except Refused as refused:
            response = refused.answer()
        if access is not None:
            response.headers.update(rate_headers(world, access, search=operation.search))
        return response

    return handler


def identify(world: World, request: web.Request) -> Access:
    """Find whose token this is; Refused(401) when it is nobody's or has expired."""
    bearer = request.headers.get("Authorization", "")
    if bearer.startswith("Bearer "):
        access = world.access.get(bearer[7:])
        if access is None or (access.expires is not None and access.expires <= world.clock.now()):
            raise unauthorised("access_token is invalid")
    else:
        access = world.personal.get(request.headers.get("x-api-token") or request.query.get("api_token", ""))
        if access is None:
            raise unauthorised()
    if not access.user.active:
        raise unauthorised()
    return access


def _admit(
    world: World, access: Access, operation: Operation, name: str, allowed: frozenset[str], *, v1: bool
) -> None:
    company = access.company
    if access.scopes is not None and allowed and not allowed & access.scopes:
        raise Refused(403, {"success": False, "error": "Scope and URL mismatch"})
    if not company.open:
        if v1:
            raise v1_error(402, "Payment Required")
        raise Refused(402, {"success": False, "error": "Payment Required", "code": "ERR_PAYMENT_REQUIRED"})
    now = world.clock.now()
    company.meter.turn(now.date())
    if world.config.limits:
        window = access.search if operation.search else access.burst
        if not window.admit(now.timestamp()):
            raise over_limit()
    if world.config.daily_limit and company.meter.spent + operation.cost > company.daily_tokens:
        raise over_limit()
    company.meter.spend(name, operation.cost)


def rate_headers(world: World, access: Access, *, search: bool = False) -> dict[str, str]:
    """The headers on every answer; only personal tokens are told what is left of the day."""
    window = access.search if search else access.burst
    headers = window.headers(world.clock.now().timestamp())
    if access.app is None:
        left = access.company.daily_tokens - access.company.meter.spent
        headers["x-daily-requests-left"] = str(max(0, left))
    return headers
