"""Faults on request and the log of calls, shared by the simulators.

A rule names a kind of fault and the calls it hits. Times are real seconds, whatever the simulated clock says.
"""

from __future__ import annotations

import asyncio
import re
import socket
import struct
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from itertools import count
from typing import TypeAlias

from aiohttp import web

from connector.sandbox.clock import Clock
from connector.sandbox.wire import answer, read_object

KINDS = (
    "delay",
    "timeout_before",
    "timeout_after",
    "late_effect",
    "reset_before",
    "reset_after",
    "status_before",
    "status_after",
    "burst_429",
    "daily_429",
    "unauthorised",
    "html_403",
    "empty_body",
)
LOG_LENGTH = 200_000
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER of nothing: closing sends a reset

Handler: TypeAlias = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class Rule:
    """One fault: what happens (`kind`), to which calls, and how often it did.

    `nth` counts the matching calls since the rule was added, 1 being the next; from there on `times` calls are hit
    (None: for ever). `method` None means any; `path` is a regular expression searched in the path and query.
    """

    kind: str
    method: str | None = None
    path: str | None = None
    nth: int | None = None
    times: int | None = 1
    seconds: float = 0.2
    hold_seconds: float = 0.05
    status: int = 502
    html: bool = False
    id: int = 0
    seen: int = 0
    hits: int = 0
    pattern: re.Pattern[str] | None = field(default=None, repr=False)

    def strikes(self, request: web.Request) -> bool:
        """Count a call and say whether this rule hits it."""
        if self.method is not None and self.method != request.method:
            return False
        if self.pattern is not None and not (
            self.pattern.search(request.path) or self.pattern.search(request.path_qs)
        ):
            return False
        self.seen += 1
        if self.seen < (self.nth or 1) or (self.times is not None and self.hits >= self.times):
            return False
        self.hits += 1
        return True

    def shown(self) -> dict[str, object]:
        """The rule as the control endpoint lists it."""
        return {name: value for name, value in vars(self).items() if name != "pattern"}


def read_rule(body: dict[str, object]) -> Rule:
    """Read the body of `POST /_sandbox/faults`; ValueError says what is wrong with it."""
    fields: dict[str, tuple[type, ...]] = {
        "kind": (str,),
        "method": (str, type(None)),
        "path": (str, type(None)),
        "nth": (int, type(None)),
        "times": (int, type(None)),
        "seconds": (int, float),
        "hold_seconds": (int, float),
        "status": (int,),
        "html": (bool,),
    }
    for name, value in body.items():
        if not isinstance(value, fields.get(name, ())):
            raise ValueError(f"{name!r} is not a field of a fault or has a wrong type")  # noqa: TRY004
    rule = Rule(**body)  # type: ignore[arg-type]  # each field was checked above
    if rule.kind not in KINDS:
        raise ValueError(f"kind must be one of {', '.join(KINDS)}")
    if rule.method is not None:
        rule.method = rule.method.upper()
    if rule.path is not None:
        try:
            rule.pattern = re.compile(rule.path)
        except re.error as error:
            raise ValueError(f"path is no regular expression: {error}") from error
    return rule


@dataclass(slots=True)
class Call:
    """One answered (or dropped: `status` None) API call."""

    n: int
    method: str
    target: str
    status: int | None
    at: datetime
    fault: str | None


class Faults:
    """The rules in force and the log of calls; `middleware` applies both to the API.

    `is_api` says which paths are API calls (never `/_sandbox`, never pages); `vendor_answer` builds the vendor's own
    answer for the kinds that have one (status_*, burst_429, daily_429, unauthorised, html_403).
    """

    def __init__(
        self,
        clock: Clock,
        is_api: Callable[[str], bool],
        vendor_answer: Callable[[Rule, web.Request], web.StreamResponse],
        latency_ms: float = 0,
    ) -> None:
        """Begin without rules; `latency_ms` delays every API answer."""
        self.rules: list[Rule] = []
        self.latency = latency_ms / 1000
        self.log: deque[Call] = deque(maxlen=LOG_LENGTH)
        self._clock = clock
        self._is_api = is_api
        self._vendor_answer = vendor_answer
        self._ids = count(1)
        self._numbers = count(1)
        self._late: set[asyncio.Task[web.StreamResponse]] = set()
        self._land = asyncio.Event()
        # A bound method is not recognised as a coroutine function by web.middleware.
        self.middleware = web.middleware(partial(self._handle))

    def add(self, rule: Rule) -> Rule:
        """Put a rule in force."""
        rule.id = next(self._ids)
        self.rules.append(rule)
        return rule

    async def land(self) -> None:
        """Have the effects that come late land now."""
        self._land.set()
        await asyncio.gather(*self._late, return_exceptions=True)
        self._land.clear()

    def forget_calls(self) -> None:
        """Empty the log and count from one again."""
        self.log.clear()
        self._numbers = count(1)

    async def close(self, _app: web.Application) -> None:
        """Drop the effects that have not landed yet; for `app.on_cleanup`."""
        for task in self._late:
            task.cancel()
        await asyncio.gather(*self._late, return_exceptions=True)

    async def _handle(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if not self._is_api(request.path):
            return await handler(request)
        call = Call(next(self._numbers), request.method, request.path_qs, None, self._clock.now(), None)
        self.log.append(call)
        if self.latency:
            await asyncio.sleep(self.latency)
        if self.rules:
            struck = [rule for rule in self.rules if rule.strikes(request)]
            if struck:
                call.fault = struck[0].kind
                response = await self._apply(struck[0], request, handler)
                call.status = None if response is None else response.status
                return web.Response(status=500) if response is None else response
        try:
            response = await handler(request)
        except web.HTTPException as error:
            call.status = error.status
            raise
        call.status = response.status
        return response

    async def _apply(self, rule: Rule, request: web.Request, handler: Handler) -> web.StreamResponse | None:
        """Do what the rule says; None means that the connection was dropped."""
        await request.read()  # so that an effect can land after the connection has gone
        if rule.kind in ("delay", "timeout_before"):
            await asyncio.sleep(rule.seconds)
        if rule.kind in ("status_before", "burst_429", "daily_429", "unauthorised", "html_403"):
            return self._vendor_answer(rule, request)
        if rule.kind in ("timeout_before", "reset_before", "late_effect"):
            if rule.kind == "late_effect":
                late = asyncio.create_task(self._later(rule.seconds, request, handler))
                self._late.add(late)
                late.add_done_callback(self._late.discard)
                await asyncio.sleep(rule.hold_seconds)
            _drop(request, reset=rule.kind == "reset_before")
            return None
        response = await handler(request)
        if rule.kind == "status_after":
            return self._vendor_answer(rule, request)
        if rule.kind in ("timeout_after", "reset_after"):
            if rule.kind == "timeout_after":
                await asyncio.sleep(rule.seconds)
            _drop(request, reset=rule.kind == "reset_after")
            return None
        if rule.kind == "empty_body" and response.status < 300:
            text = "<!doctype html><title>OK</title>" if rule.html else ""
            return web.Response(text=text, status=response.status, content_type="text/html")
        return response

    async def _later(self, seconds: float, request: web.Request, handler: Handler) -> web.StreamResponse:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._land.wait()
        return await handler(request)


def _drop(request: web.Request, *, reset: bool = False) -> None:
    """Close the connection without an answer."""
    transport = request.transport
    if transport is None:
        return
    connection: socket.socket | None = transport.get_extra_info("socket")
    if reset and connection is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    transport.abort()


def control_routes(faults: Faults, clock: Clock) -> list[web.RouteDef]:
    """Give the endpoints under `/_sandbox` that set faults and time and show the calls."""

    async def add_fault(request: web.Request) -> web.Response:
        try:
            rule = faults.add(read_rule(await read_object(request)))
        except ValueError as error:
            return answer({"error": str(error)}, 400)
        return answer({"id": rule.id}, 201)

    async def list_faults(_request: web.Request) -> web.Response:
        return answer([rule.shown() for rule in faults.rules])

    async def clear_faults(_request: web.Request) -> web.Response:
        faults.rules.clear()
        return web.Response(status=204)

    async def list_calls(_request: web.Request) -> web.Response:
        return answer([_shown(call) for call in faults.log])

    async def clear_calls(_request: web.Request) -> web.Response:
        faults.forget_calls()
        return web.Response(status=204)

    async def tell_time(_request: web.Request) -> web.Response:
        return answer({"now": clock.now(), "offset_seconds": clock.offset.total_seconds()})

    async def set_time(request: web.Request) -> web.Response:
        try:
            seconds = (await read_object(request)).get("offset_seconds")
        except ValueError as error:
            return answer({"error": str(error)}, 400)
        if not isinstance(seconds, int | float):
            return answer({"error": "offset_seconds must be a number"}, 400)
        clock.offset = timedelta(seconds=seconds)
        return await tell_time(request)

    return [
        web.post("/_sandbox/faults", add_fault),
        web.get("/_sandbox/faults", list_faults),
        web.delete("/_sandbox/faults", clear_faults),
        web.get("/_sandbox/calls", list_calls),
        web.delete("/_sandbox/calls", clear_calls),
        web.get("/_sandbox/clock", tell_time),
        web.post("/_sandbox/clock", set_time),
    ]


def _shown(call: Call) -> dict[str, object]:
    path, _, query = call.target.partition("?")
    return {
        "n": call.n,
        "method": call.method,
        "path": path,
        "query": query,
        "status": call.status,
        "at": call.at,
        "fault": call.fault,
    }
