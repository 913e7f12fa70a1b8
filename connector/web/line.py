"""The live line to agents' browsers and terminals: a WebSocket, and the same by long polls; docs/realtime.md describes it.

A token is looked up when a line is opened, with each request of a long poll and before each order. Whoever is revoked later
loses open lines through the hub at once, or where another process revoked within ten minutes. Tokens and numbers are in no log.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

import orjson
import structlog
from aiohttp import web
from sqlalchemy.exc import SQLAlchemyError
from yarl import URL

from connector.clock import Clock
from connector.errors import Misconfigured
from connector.flows.agents import may_dial
from connector.flows.tenant import Tenant
from connector.realtime.hub import Full, Hub, Line, TooMany
from connector.realtime.protocol import (
    BEARER,
    CHALLENGE,
    LONGEST_MESSAGE,
    SUBPROTOCOL,
    Agent,
    Bye,
    Call,
    Calls,
    Dial,
    Dialled,
    Hello,
    Refused,
    Unreadable,
    read,
    write,
)
from connector.store.audit import By
from connector.store.devices import Devices, Paired
from connector.web.line_socket import Pace, new_socket, talk, turn_away
from connector.web.throttle import Throttle

log = structlog.get_logger()

PATH = "/line"
_TRY_AGAIN_S = 60
_ANSWER_S = 0.05
_PACE = Pace()
#: Whose requests a browser may ask about; the device's own origin is compared in the request itself.
_EXTENSIONS = ("chrome-extension://", "moz-extension://")


@dataclass(frozen=True, slots=True)
class Telephony:
    """What the line leads to: orders, and the agent's newest calls, newest first; agents are `connection/login`."""

    dial: Callable[[Tenant, str, Dial], Awaitable[Call | Refused]]
    latest: Callable[[Tenant, str], Awaitable[Sequence[Call]]]


class _Polled:
    """A line that is read by polls; it is forgotten when none comes for a while."""

    def __init__(self, line: Line) -> None:
        self.line = line
        self.forgotten: asyncio.TimerHandle | None = None


class Lines:
    """Opens lines, carries out orders, and ends lines when the service stops."""

    def __init__(
        self, hub: Hub, devices: Devices, telephony: Telephony, tenant_of: Callable[[str], Awaitable[Tenant]],
        counted: Callable[[str, str], None], clock: Clock, pace: Pace = _PACE,
    ) -> None:  # fmt: skip
        """`counted` is told the installation and the outcome of each order."""
        self._hub, self._devices, self._telephony = hub, devices, telephony
        self._tenant_of, self._counted, self._pace = tenant_of, counted, pace
        self._strangers, self._clock = Throttle(clock), clock
        self._polled: dict[str, _Polled] = {}
        self._orders = set[asyncio.Task[Dialled | Refused]]()

    def routes(self) -> web.RouteTableDef:
        """The addresses of the line."""
        table = web.RouteTableDef()
        table.get(PATH, allow_head=False)(self.connect)
        table.post(f"{PATH}/poll")(self.poll)
        table.post(f"{PATH}/dial")(self.dial)
        table.delete(f"{PATH}/token")(self.sign_off)
        table.options(PATH + "/{what:poll|dial|token}")(_preflight)
        return table

    async def stop(self) -> None:
        """Say good-bye on every line and let orders that are being carried out end."""
        self._hub.stop()
        await asyncio.gather(*self._orders, return_exceptions=True)

    # by WebSocket

    async def connect(self, request: web.Request) -> web.WebSocketResponse:
        """Open a line and keep it until either side ends it."""
        device, tenant = await self._admit(request, _token_of_socket(request))
        socket = new_socket(self._pace)
        with suppress(ConnectionError):  # gone before it could be greeted
            try:
                line = self._open(device)
            except TooMany:
                await socket.prepare(request)
                await turn_away(socket, "too_many")
                return socket
            try:
                await self._greet(line, device, tenant)
                await socket.prepare(request)
                await talk(
                    socket, line, order=partial(self._ordered, device), stands=partial(self._stands, device.id),
                    abort=partial(_abort, request), pace=self._pace,
                )  # fmt: skip
            finally:
                self._hub.close(line)
        return socket

    # by long polls

    async def poll(self, request: web.Request) -> web.Response:
        """What is new since the cursor, as soon as there is anything."""
        device, tenant = await self._admit(request, _token_of_header(request))
        line_id, _, told = _after(await _body(request)).partition(".")
        polled = self._polled.get(line_id)
        if polled is None or polled.line.device_id != device.id:
            try:
                line_id, polled = await self._begin(device, tenant)
            except TooMany:
                return _answer(request, _news(None, [write(Bye("too_many"))]))
        elif told.isascii() and told.isdigit():
            polled.line.took(int(told[:18]) - polled.line.told)
        line = polled.line
        if polled.forgotten is not None:
            polled.forgotten.cancel()
        try:
            await line.wait(self._pace.poll)
        finally:
            later = asyncio.get_running_loop().call_later
            polled.forgotten = later(self._pace.silence, self._forget, line_id)
        if line.is_over:
            # Whatever comes next begins anew.
            self._forget(line_id)
        return _answer(request, _news(f"{line_id}.{line.told + len(line.waiting)}", line.waiting))

    async def _begin(self, device: Paired, tenant: Tenant) -> tuple[str, _Polled]:
        line_id, line = secrets.token_hex(8), self._open(device)
        try:
            await self._greet(line, device, tenant)
        except BaseException:
            self._hub.close(line)
            raise
        self._polled[line_id] = _Polled(line)
        return line_id, self._polled[line_id]

    def _forget(self, line_id: str) -> None:
        if (polled := self._polled.pop(line_id, None)) is not None:
            if polled.forgotten is not None:
                polled.forgotten.cancel()
            self._hub.close(polled.line)

    async def dial(self, request: web.Request) -> web.Response:
        """Carry out one order; what it is told on a WebSocket is the answer."""
        device, _ = await self._admit(request, _token_of_header(request))
        try:
            order = read(await _body(request))
        except Unreadable as error:
            raise web.HTTPBadRequest(text=str(error)) from None
        if not isinstance(order, Dial):
            raise web.HTTPBadRequest(text="type is dial.")
        return _answer(request, write(await asyncio.shield(self._ordered(device, order))))

    async def sign_off(self, request: web.Request) -> web.Response:
        """Take the token back that the request was made with."""
        device, tenant = await self._admit(request, _token_of_header(request))
        if await self._devices.revoke(device.installation_id, device.id):
            self._hub.end(device.id)
            who = By(f"agent:{device.agent}")
            await tenant.audit.note(who, "revoke device", device=device.id, agent=device.agent)
        return web.Response(status=204, headers=_for_origin(request))

    # both

    async def _admit(self, request: web.Request, token: str) -> tuple[Paired, Tenant]:
        """Whose token it is; HTTPUnauthorized, HTTPForbidden from another origin than the device's."""
        device = await self._devices.by_token(token) if token else None
        if device is None:
            if seconds := self._strangers.wait(request.remote):
                raise web.HTTPTooManyRequests(headers={"Retry-After": str(seconds)})
            raise _pair_again("The token opens nothing, or no longer: pair again.")
        if request.headers.get("Origin", "") != device.origin:
            raise web.HTTPForbidden(text="The token is another origin's.")
        try:
            tenant = await self._tenant_of(device.installation_id)
        except Misconfigured:
            raise _pair_again("The installation has ended.") from None
        if not await may_dial(tenant, device.user_id, device.agent):
            raise _pair_again("The agent is not the user's any more: pair again.")
        return device, tenant

    async def _stands(self, device_id: str) -> bool:
        """Whether a device may still have a line, and dial; where that cannot be found out, it may."""
        try:
            device = await self._devices.by_id(device_id)
            return device is not None and await may_dial(
                await self._tenant_of(device.installation_id), device.user_id, device.agent
            )
        except Misconfigured:
            return False
        except SQLAlchemyError as error:
            log.warning("a device was not looked up", device=device_id, error=type(error).__name__)
            return True

    def _open(self, device: Paired) -> Line:
        try:
            return self._hub.open(device.installation_id, device.agent, device.id)
        except Full:
            raise web.HTTPServiceUnavailable(
                text="No more lines can be opened now.", headers={"Retry-After": str(_TRY_AGAIN_S)}
            ) from None

    async def _greet(self, line: Line, device: Paired, tenant: Tenant) -> None:
        """Have the line begin with who the agent is and how his calls are."""
        centre, _, login = device.agent.partition("/")
        known = tenant.directory.people.agents.get((centre, login))
        pipedrive = URL(tenant.page(""))
        calls = Calls(tuple(await self._telephony.latest(tenant, device.agent)))
        hello = Hello(
            Agent(known.name if known is not None else login, login, centre), tenant.installed.name,
            str(pipedrive.origin()), (pipedrive.host_port_subcomponent or "",), self._hub.server, self._clock.now(),
        )  # fmt: skip
        line.begin(write(hello), write(calls))

    def _ordered(self, device: Paired, order: Dial) -> asyncio.Task[Dialled | Refused]:
        """An order on its way, which is carried out to its end whatever becomes of the line."""
        task = asyncio.create_task(self._dial(device, order))
        self._orders.add(task)
        task.add_done_callback(self._orders.discard)
        return task

    async def _dial(self, device: Paired, order: Dial) -> Dialled | Refused:
        try:
            # Looked up once more: it may have been revoked since, by another process too.
            if await self._stands(device.id):
                tenant = await self._tenant_of(device.installation_id)
                outcome = await self._telephony.dial(tenant, device.agent, order)
            else:
                # After this answer, which nothing may follow.
                asyncio.get_running_loop().call_later(_ANSWER_S, self._hub.end, device.id)
                outcome = Refused(order.id, "no_right")
        except Exception as error:  # noqa: BLE001 - whatever went wrong, the agent waits for an answer
            log.error(  # noqa: TRY400 - messages may quote a number
                "an order failed",
                installation=device.installation_id,
                device=device.id,
                error=type(error).__name__,
            )
            outcome = Refused(order.id, "unknown")
        failed = isinstance(outcome, Refused) or outcome.state == "failed"
        self._counted(device.installation_id, outcome.reason if failed else "dialled")
        return outcome if isinstance(outcome, Refused) else Dialled(order.id, outcome)


def _abort(request: web.Request) -> None:
    if request.transport is not None:
        request.transport.abort()


def _pair_again(why: str) -> web.HTTPUnauthorized:
    """What ends a client's token; the header tells it from a proxy's own refusal, which must not."""
    return web.HTTPUnauthorized(text=why, headers={"WWW-Authenticate": CHALLENGE})


def _token_of_socket(request: web.Request) -> str:
    """The token that a browser can only give among the subprotocols, https://www.rfc-editor.org/rfc/rfc6455#section-1.9."""
    given = ",".join(request.headers.getall("Sec-WebSocket-Protocol", []))
    named = [part.strip() for part in given.split(",")]
    if SUBPROTOCOL not in named:
        raise web.HTTPBadRequest(text=f"This is a WebSocket with the subprotocol {SUBPROTOCOL}.")
    return next((part.removeprefix(BEARER) for part in named if part.startswith(BEARER)), "")


def _token_of_header(request: web.Request) -> str:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.casefold() == "bearer" else ""


async def _body(request: web.Request) -> bytes:
    body = await request.content.read(LONGEST_MESSAGE + 1)
    while len(body) <= LONGEST_MESSAGE and (more := await request.content.read(LONGEST_MESSAGE)):
        body += more
    if len(body) > LONGEST_MESSAGE:
        raise web.HTTPRequestEntityTooLarge(LONGEST_MESSAGE, len(body))
    return body


def _after(body: bytes) -> str:
    """The cursor of a poll; an empty one begins anew."""
    try:
        said = orjson.loads(body)
    except orjson.JSONDecodeError:
        said = None
    after = said.get("after") if isinstance(said, dict) else None
    if not isinstance(after, str):
        raise web.HTTPBadRequest(text='Send {"after": ""}, and then the cursor of the last answer.')
    return after


def _news(cursor: str | None, messages: Sequence[bytes]) -> bytes:
    return b'{"cursor":%s,"messages":[%s]}' % (orjson.dumps(cursor), b",".join(messages))


def _answer(request: web.Request, body: bytes) -> web.Response:
    headers = {"Cache-Control": "no-store"} | _for_origin(request)
    return web.Response(body=body, content_type="application/json", headers=headers)


def _for_origin(request: web.Request) -> dict[str, str]:
    """What lets a page of the device's origin, which was checked, read the answer."""
    origin = request.headers.get("Origin")
    return {"Access-Control-Allow-Origin": origin, "Vary": "Origin"} if origin else {}


async def _preflight(request: web.Request) -> web.Response:
    """What a browser asks before an extension's request; the origin is compared with the device's in that itself."""
    if not request.headers.get("Origin", "").startswith(_EXTENSIONS):
        raise web.HTTPForbidden
    allowed = {
        "Access-Control-Allow-Methods": "POST, DELETE", "Access-Control-Allow-Headers": "authorization, content-type",
        "Access-Control-Max-Age": "600",
    }  # fmt: skip
    return web.Response(status=204, headers=_for_origin(request) | allowed)
