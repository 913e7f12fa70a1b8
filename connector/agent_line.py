"""An agent's live line in a terminal: what is typed is dialled, and what is told is shown in words."""

from __future__ import annotations

import asyncio
import random
import secrets
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import suppress

import orjson
from pydantic import TypeAdapter, ValidationError
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus
from websockets.typing import Subprotocol
from yarl import URL

from connector.errors import Unauthorised
from connector.realtime import protocol
from connector.realtime.protocol import Call, CallChanged, Calls, Dialled, Hello, Ping, Refused

#: In seconds, between attempts to open the line again; the last one repeats.
WAITS = (1, 2, 5, 10, 30)
_LONGEST_MESSAGE = 1024 * 1024

_KINDS = {
    kind.type: TypeAdapter[protocol.Message](kind)
    for kind in (Hello, Calls, CallChanged, Dialled, Refused, Ping, protocol.Bye)
}
_STATES = {
    "dialling": "Dialling", "ringing_you": "Ringing your phone", "ringing_them": "Ringing", "in_call": "In call",
}  # fmt: skip
_ENDINGS = {
    "answered": "Ended", "taken": "A colleague took it", "no_answer": "Not answered", "busy": "Busy",
    "failed": "It did not get through",
}  # fmt: skip
REASONS = {
    "agent_offline": "You are not logged in at the contact centre.",
    "no_campaign": "You are in no campaign that may call out. Ask an administrator of the contact centre.",
    "number_refused": "The contact centre refused the number, or an administrator does not allow it.",
    "number_invalid": "This is no phone number.",
    "number_premium": "Premium numbers are not dialled here. An administrator may allow them.",
    "number_internal": "Internal numbers are not dialled here. An administrator may allow them.",
    "number_emergency": "Emergency numbers are not dialled by click: use the phone itself.",
    "too_often": "Too many calls at once. Wait a minute.",
    "centre_down": "The contact centre does not answer. Try again.",
    "centre_refused": "The contact centre refused the call.",
    "no_right": "The connector may not dial for you, or no longer. Ask an administrator.",
    "not_switched_on": "The connector is not switched on. Ask an administrator.",
    "unknown": "No answer came: it may ring all the same. Look at the phone.",
}


class _Connect(connect):
    """A connection that follows no redirect: the token goes where it was paired."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        """Take it for the failure that it is."""
        return exc


class Terminal:
    """The line with what is typed and what is shown."""

    def __init__(self, address: str, token: str, waits: Sequence[float] = WAITS) -> None:
        """Of the connector at `address`; `waits` are the seconds between attempts; each is up to half as long again, by chance."""
        self._token, self._waits = token, waits
        url = URL(address)
        self._url = url.with_scheme("wss" if url.scheme == "https" else "ws") / "line"
        self._socket: ClientConnection | None = None
        self._server = ""
        self._shown: dict[str, tuple[str, ...]] = {}

    async def run(self, lines: AsyncIterator[str]) -> None:
        """Dial what is typed, show what is told; Unauthorised when the token opens nothing any more."""
        keeping = asyncio.create_task(self._keep_open())
        typing = asyncio.create_task(self._type(lines))
        try:
            await asyncio.wait({keeping, typing}, return_when=asyncio.FIRST_COMPLETED)
            if keeping.done():
                await keeping
        finally:
            for task in (keeping, typing):
                task.cancel()
            await asyncio.gather(keeping, typing, return_exceptions=True)

    async def _type(self, lines: AsyncIterator[str]) -> None:
        async for line in lines:
            number = line.strip()
            if number in ("q", "quit"):
                return
            if not number:
                continue
            if self._socket is None:
                say("Not connected: this was not dialled.")
                continue
            order = {
                "type": "dial", "id": secrets.token_hex(8), "number": number[: protocol.LONGEST_NUMBER], "record": None,
                "source": "terminal",
            }  # fmt: skip
            with suppress(ConnectionClosed):
                await self._socket.send(orjson.dumps(order), text=True)

    async def _keep_open(self) -> None:
        tried = 0
        while True:
            try:
                await self._open()
            except InvalidStatus as refused:
                # Without that header it is a proxy's 401, and no reason to forget the token.
                if refused.response.headers.get("WWW-Authenticate") == protocol.CHALLENGE:
                    raise _not_paired() from refused
                reason = f"it answers {refused.response.status_code}"
            except ConnectionClosed as closed:
                code = closed.rcvd.code if closed.rcvd is not None else None
                if code == 4401:
                    raise _not_paired() from closed
                reason = "it is being started anew" if code == 1012 else "the line was closed"
            except (OSError, InvalidHandshake, TimeoutError):
                reason = "it does not answer"
            if self._socket is not None:
                tried, self._socket = 0, None
            if tried == 0:
                say(f"The connector is not there: {reason}. Trying again.")
            wait = self._waits[min(tried, len(self._waits) - 1)]
            tried += 1
            await asyncio.sleep(wait * random.uniform(1, 1.5))  # noqa: S311 - so that not all come at once

    async def _open(self) -> None:
        """One connection, until it ends; always by an exception."""
        async with _Connect(
            str(self._url), subprotocols=[Subprotocol(protocol.SUBPROTOCOL), Subprotocol(protocol.BEARER + self._token)],
            compression=None, max_size=_LONGEST_MESSAGE,
        ) as line:  # fmt: skip
            while True:
                await self._hear(line, await line.recv())

    async def _hear(self, line: ClientConnection, text: str | bytes) -> None:
        match _read(text):
            case Hello() as hello:
                again = (
                    " again; the connector was started anew" if self._server not in ("", hello.server) else ""
                )
                again = " again" if self._server == hello.server else again
                self._server, self._socket = hello.server, line
                say(f"Connected{again}, as {hello.agent.name}. Type a number to call it, q to end.")
            case Ping():
                await line.send('{"type":"pong"}')
            case Calls(calls):
                for call in reversed(calls):
                    if call.state in ("ended", "failed") and call.id not in self._shown:
                        # Over before anybody looked: news only once something of it changes.
                        self._keep(call)
                    self._show(call)
            case CallChanged(call) | Dialled(_, call):
                self._show(call)
            case Refused(_, reason):
                say(f"Not dialled. {REASONS.get(reason, reason)}")
            case protocol.Bye(reason) if reason == "too_many":
                say("Too many of your browsers and terminals are connected.")

    def _show(self, call: Call) -> None:
        """Show what is new of a call."""
        before = self._shown.get(call.id, ())
        say(*(line for line in self._keep(call) if line not in before))

    def _keep(self, call: Call) -> tuple[str, ...]:
        """Take a call for shown; answers its lines."""
        self._shown[call.id] = lines = tuple(described(call))
        while len(self._shown) > protocol.MOST_CALLS:
            self._shown.pop(next(iter(self._shown)))
        return lines


def described(call: Call) -> Iterator[str]:
    """A call in words: what goes on, and who it may be."""
    number = call.number_shown or call.number or "a hidden number"
    if call.state == "failed":
        yield f"{number}: not connected. {REASONS.get(call.reason, call.reason)}"
        return
    if call.state == "ended":
        lasted = f" after {call.duration_s // 60}:{call.duration_s % 60:02}" if call.duration_s else ""
        yield f"{number}: {_ENDINGS.get(call.reason, 'Ended').lower()}{lasted}. {call.link}".rstrip()
        return
    rings = call.direction == "in" and call.state in ("ringing_you", "dialling")
    yield f"{'Incoming call' if rings else _STATES[call.state]}: {number}"
    for one in call.candidates:
        deal = f"deal: {one.deal.title}" if one.deal is not None else ""
        yield "  " + ", ".join(part for part in (one.name, one.organization, deal, one.link) if part)
    if call.others:
        yield f"  and {call.others} more"
    if call.known and not call.candidates and not call.others and call.direction == "in":
        yield f"  Nobody in Pipedrive has this number. {call.new_person}".rstrip()


def _read(text: str | bytes) -> protocol.Message | None:
    """A message of the server; None for one that this client does not know."""
    try:
        said = orjson.loads(text)
        kind = _KINDS.get(said.pop("type", None)) if isinstance(said, dict) else None
        return kind.validate_python(said) if kind is not None else None
    except (orjson.JSONDecodeError, ValidationError, TypeError):
        return None


def _not_paired() -> Unauthorised:
    return Unauthorised("This terminal is not paired any more. Run connector agent to pair it again.")


def say(*lines: str) -> None:
    """Print lines; what others wrote in them steers no terminal."""
    for line in lines:
        sys.stdout.write("".join(c if c.isprintable() else " " for c in line) + "\n")
    sys.stdout.flush()
