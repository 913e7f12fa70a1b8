"""What is said and heard on one open WebSocket of the live line, until either side ends it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass

import structlog
from aiohttp import WSCloseCode, WSMsgType, web

from connector.realtime.hub import Line
from connector.realtime.protocol import (
    LONGEST_MESSAGE,
    SUBPROTOCOL,
    Bye,
    Dial,
    Dialled,
    Farewell,
    Ping,
    Refused,
    Unreadable,
    read,
    write,
)

log = structlog.get_logger()

CLOSE_CODES: dict[Farewell, int] = {
    "revoked": 4401, "too_many": 4429, "restart": WSCloseCode.SERVICE_RESTART,
}  # fmt: skip
#: How long a farewell may take.
_FAREWELL_S = 2.0
#: Orders of one line that are being carried out; the flow has limits of its own, by agent.
_MOST_ORDERS = 8


@dataclass(frozen=True, slots=True)
class Pace:
    """In seconds: how often a client is asked whether it is there, how long it may be silent or not read, how long a poll
    waits, and how often it is looked up whether an open line's device still stands.
    """

    ping: float = 20
    silence: float = 60
    unread: float = 10
    poll: float = 25
    look: float = 600


def new_socket(pace: Pace) -> web.WebSocketResponse:
    """A WebSocket within the bounds of the line; not compressed, for that takes a quarter of a megabyte each."""
    return web.WebSocketResponse(
        protocols=(SUBPROTOCOL,), timeout=_FAREWELL_S, receive_timeout=pace.silence, compress=False,
        max_msg_size=LONGEST_MESSAGE, writer_limit=0, decode_text=False,
    )  # fmt: skip


async def turn_away(socket: web.WebSocketResponse, reason: Farewell) -> None:
    """End a WebSocket that was just opened."""
    async with asyncio.timeout(_FAREWELL_S):
        await socket.send_frame(write(Bye(reason)), WSMsgType.TEXT)
    await _close(socket, CLOSE_CODES[reason])


async def talk(
    socket: web.WebSocketResponse,
    line: Line,
    *,
    order: Callable[[Dial], asyncio.Task[Dialled | Refused]],
    stands: Callable[[], Awaitable[bool]],
    abort: Callable[[], None],
    pace: Pace,
) -> None:
    """Tell what waits on the line and take orders until it ends; `abort` cuts a client off that does not read."""
    async with asyncio.TaskGroup() as both:
        telling = both.create_task(_tell(socket, line, stands, abort, pace))
        await _hear(socket, line, order)
        if line.farewell is None:
            telling.cancel()


async def _hear(
    socket: web.WebSocketResponse, line: Line, order: Callable[[Dial], asyncio.Task[Dialled | Refused]]
) -> None:
    """Take what the client says until the line ends; whoever is silent too long is gone."""
    orders = set[asyncio.Task[Dialled | Refused]]()

    def carried_out(one: asyncio.Task[Dialled | Refused]) -> None:
        orders.discard(one)
        if not one.cancelled():
            line.put(write(one.result()))

    while True:
        try:
            heard = await socket.receive()
            if heard.type is WSMsgType.BINARY:
                raise Unreadable("Messages are text.")
            if heard.type is not WSMsgType.TEXT:
                # The client has ended it; or a frame was broken or too long, and aiohttp has said so.
                return
            said = read(heard.data)
        except TimeoutError:
            await _close(socket, WSCloseCode.GOING_AWAY, "Nothing was heard.")
            return
        except Unreadable as error:
            await _close(socket, WSCloseCode.POLICY_VIOLATION, str(error))
            return
        if isinstance(said, Dial) and len(orders) >= _MOST_ORDERS:
            line.put(write(Refused(said.id, "too_often")))
        elif isinstance(said, Dial):
            orders.add(one := order(said))
            one.add_done_callback(carried_out)


async def _tell(
    socket: web.WebSocketResponse, line: Line, stands: Callable[[], Awaitable[bool]], abort: Callable[[], None],
    pace: Pace,
) -> None:  # fmt: skip
    """Say what there is to say, and ask now and then whether the client is there, and still may be."""
    now = asyncio.get_running_loop().time

    async def send(message: bytes) -> None:
        async with asyncio.timeout(pace.unread):
            await socket.send_frame(message, WSMsgType.TEXT)

    ping_at, look_at = now() + pace.ping, now() + pace.look
    try:
        while not line.is_over or line.waiting:
            await line.wait(min(ping_at, look_at) - now())
            while line.waiting:
                await send(line.waiting[0])
                line.took(1)
            if now() >= ping_at:
                ping_at = now() + pace.ping
                await send(write(Ping()))
            if now() >= look_at:
                look_at = now() + pace.look
                if not await stands():
                    line.end("revoked")
    except (TimeoutError, ConnectionError):
        log.debug("a line broke off", installation=line.installation_id, device=line.device_id)
    if line.farewell is not None:
        await _close(socket, CLOSE_CODES[line.farewell])
    else:
        # It does not read: a farewell would wait behind the rest.
        abort()


async def _close(socket: web.WebSocketResponse, code: int, reason: str = "") -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(_FAREWELL_S):
            await socket.close(code=code, message=reason.encode())
