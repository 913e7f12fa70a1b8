"""A line to play with: a telephony of our own behind it, clients on `websockets` in front of it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from aiohttp import ClientSession, web
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Origin, Subprotocol

from connector.app import Service
from connector.flows.tenant import Tenant
from connector.realtime.protocol import Call, Dial, Refused
from connector.store.devices import Devices
from connector.web.line import Lines, Telephony
from connector.web.line_socket import Pace
from connector.web.middleware import middlewares
from tests.serving import Served
from tests.world import SYSTEM, World, listening

AGENT = f"thulium:{SYSTEM}/anna"
BROWSER = "chrome-extension://mamhhpekdoamlgbkfbdfgljfflipojfn"
NUMBER = "+48601000001"
DIAL: dict[str, object] = {"type": "dial", "id": "o-1", "number": NUMBER, "record": None, "source": "link"}


async def seed_agents(world: World, *logins: str) -> None:
    """Let these work in the contact centre, beside Anna and Marek."""
    named = {"anna": "Anna", "marek": "Marek"} | dict.fromkeys(logins, "Jan")
    await world.seed_centre(
        agents=[
            {"login": login, "name": name, "surname": "Nowak", "email": f"{login}@example.com"}
            for login, name in named.items()
        ]
    )


def a_call(number: str = NUMBER, **changes: Any) -> Call:
    call = Call(
        id="c-1", direction="out", state="dialling", reason="", number=number, number_shown="+48 601 000 001",
        record=None, candidates=(), known=False, new_person="", began_at=datetime(2026, 3, 2, 9, 0, 5, 7, tzinfo=UTC),
        answered_at=None, ended_at=None, duration_s=None, link="",
    )  # fmt: skip
    return replace(call, **changes)


class Exchange:
    """What the line leads to in these tests: it takes every order, unless told otherwise."""

    def __init__(self) -> None:
        self.orders: list[tuple[str, str, Dial]] = []
        self.calls: list[Call] = []
        self.refuses: str | None = None
        self.fails: Exception | None = None
        self.answers = asyncio.Event()
        self.answers.set()

    async def dial(self, tenant: Tenant, agent: str, order: Dial) -> Call | Refused:
        self.orders.append((tenant.id, agent, order))
        await self.answers.wait()
        if self.fails is not None:
            raise self.fails
        if self.refuses is not None:
            return Refused(order.id, self.refuses)
        self.calls.insert(0, a_call(order.number, record=order.record))
        return self.calls[0]

    async def latest(self, _tenant: Tenant, _agent: str) -> Sequence[Call]:
        return self.calls


@dataclass
class Client:
    """One open WebSocket."""

    socket: ClientConnection

    async def hear(self) -> Any:
        async with asyncio.timeout(5):
            return json.loads(await self.socket.recv())

    async def rest(self) -> AsyncIterator[Any]:
        """All that is said until the server closes."""
        with suppress(ConnectionClosed):
            async for text in self.socket:
                yield json.loads(text)
        await self.socket.wait_closed()

    async def say(self, said: object) -> None:
        await self.socket.send(said if isinstance(said, str | bytes) else json.dumps(said))

    async def closed(self) -> int | None:
        """The code that the server closes with, after whatever it says before."""
        async with asyncio.timeout(5):
            async for _ in self.rest():
                pass
        return self.socket.close_code


@dataclass
class Server:
    """Where lines are opened."""

    service: Service
    tenant: Tenant
    origin: str
    http: ClientSession

    @property
    def devices(self) -> Devices:
        return self.service.devices

    async def pair(self, agent: str = AGENT, *, origin: str = BROWSER) -> tuple[str, str]:
        """A device; gives its id and its token."""
        paired, token = await self.devices.pair(
            self.tenant.id, agent, user_id=None, name="Chrome on Linux", client="one" if origin else "terminal",
            origin=origin,
        )  # fmt: skip
        return paired.id, token

    @asynccontextmanager
    async def client(
        self, token: str, *, origin: str | None = BROWSER, greeted: bool = True, **options: Any
    ) -> AsyncIterator[Client]:
        named = [Subprotocol("connector.v1"), Subprotocol(f"bearer.{token}")]
        async with connect(
            self.origin.replace("http", "ws", 1) + "/line", subprotocols=named,
            origin=Origin(origin) if origin else None, compression=None, ping_interval=None, **options,
        ) as socket:  # fmt: skip
            client = Client(socket)
            if greeted:
                assert (await client.hear())["type"] == "hello"
                assert (await client.hear())["type"] == "calls"
            yield client

    async def ask(
        self, method: str, path: str, token: str, body: object = None, *, origin: str | None = BROWSER
    ) -> tuple[int, Any, dict[str, str]]:
        headers = {"Authorization": f"Bearer {token}"} | ({"Origin": origin} if origin else {})
        data = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
        async with self.http.request(
            method, f"{self.origin}/line{path}", data=data, headers=headers
        ) as answer:
            text = await answer.text()
            return answer.status, json.loads(text) if text else None, dict(answer.headers)

    async def text(self, path: str) -> str:
        async with self.http.get(self.origin + path) as answer:
            return await answer.text()

    async def poll(self, token: str, after: str = "") -> tuple[Any, list[Any]]:
        status, body, _ = await self.ask("POST", "/poll", token, {"after": after})
        assert status == 200, body
        return body["cursor"], body["messages"]


@dataclass
class Open(Server):
    """Lines alone, on a socket of their own, with an exchange of the tests' own behind them."""

    lines: Lines
    exchange: Exchange
    counted: list[tuple[str, str]]


@asynccontextmanager
async def http_lines(here: Served, tenant: Tenant) -> AsyncIterator[Server]:
    """The lines of a whole service."""
    async with ClientSession() as http:
        yield Server(here.service, tenant, here.origin, http)


@asynccontextmanager
async def open_lines(service: Service, tenant: Tenant, port: int = 0, **pace: float) -> AsyncIterator[Open]:
    """Serve the line of this service; the hub is the service's."""
    exchange, counted = Exchange(), list[tuple[str, str]]()
    lines = Lines(
        service.hub, service.devices, Telephony(exchange.dial, exchange.latest), service.tenant,
        lambda *both: counted.append(both), service.clock, Pace(**pace),
    )  # fmt: skip
    app = web.Application(middlewares=middlewares(service.settings))
    app.add_routes(lines.routes())
    app.on_shutdown.append(lambda _: lines.stop())
    async with ClientSession() as http, listening(app, port) as origin:
        yield Open(service, tenant, origin, http, lines, exchange, counted)
