"""An agent with a paired device, a line that hears what he is told, and the simulated telephones."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from typing import Any
from urllib.parse import urlencode

from connector.app import Service
from connector.flows.dial import dial
from connector.flows.indexing import ensure
from connector.flows.live import Exchange
from connector.flows.tenant import Tenant
from connector.realtime.protocol import Call, CallChanged, Dial, Message, Record, Refused
from connector.store.live_calls import LiveCall
from tests.flows.looking import ask, tell
from tests.world import World, install

ANNA, JAN = "anna.nowak", "jan.kowalski"
CENTRE = "thulium:demo"
NUMBER = "+48601000001"


@dataclass
class Phones:
    """One process's exchange, with the lines of some agents open."""

    world: World
    service: Service
    tenant: Tenant
    exchange: Exchange
    listening: set[str]
    told: list[tuple[str, Call]] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)
    orders: count[int] = field(default_factory=lambda: count(1))

    def hear(self, _installation: str, agent: str, message: Message) -> bool:
        if agent.rpartition("/")[2] not in self.listening:
            return False
        assert isinstance(message, CallChanged)
        self.told.append((agent, message.call))
        return True

    def states(self, call_id: str | None = None, agent: str = ANNA) -> list[str]:
        """What an agent was told, repetitions left out."""
        said = [
            one.state
            for whose, one in self.told
            if whose == f"{CENTRE}/{agent}" and (call_id is None or one.id == call_id)
        ]
        return [one for n, one in enumerate(said) if n == 0 or said[n - 1] != one]

    def last(self) -> Call:
        return self.told[-1][1]

    async def order(
        self,
        number: str = NUMBER,
        record: tuple[str, object] | None = None,
        *,
        agent: str = ANNA,
        order_id: str = "",
    ) -> Call | Refused:
        record_ = Record(record[0], str(record[1])) if record else None  # type: ignore[arg-type]
        order = Dial(order_id or f"order-{next(self.orders)}", number, record_, "link")
        found = await dial(self.exchange, self.tenant, f"{CENTRE}/{agent}", order)
        await self.exchange.idle()
        return found

    async def dialled(
        self, number: str = NUMBER, record: tuple[str, object] | None = None, *, agent: str = ANNA
    ) -> Call:
        call = await self.order(number, record, agent=agent)
        assert isinstance(call, Call), call
        return call

    async def hook(self, **fields: object) -> None:
        """A webhook of the contact centre, as the door hands it on."""
        body = urlencode({key: "null" if value is None else str(value) for key, value in fields.items()})
        kind = "application/x-www-form-urlencoded"
        self.exchange.hear(self.tenant.id, CENTRE, kind, body.encode())
        await self.exchange.idle()

    async def told_of(
        self, action: str, ref: str = "7.1", *, agent: str | None = ANNA, source: str = "391",
        destination: str = NUMBER, **more: object,
    ) -> None:  # fmt: skip
        await self.hook(
            action=action, connection_id=ref, agent_login=agent, source_number=source,
            destination_number=destination, **more,
        )  # fmt: skip

    async def kept(self, call_id: str) -> LiveCall:
        (call,) = await self.tenant.live_calls.named([call_id])
        return call

    async def rung(self) -> list[dict[str, Any]]:
        """What the contact centre was asked to dial."""
        found: list[dict[str, Any]] = (await ask(self.world, "thulium", "state"))["dialled"]
        return found

    async def act(self, act: str, agent: str = ANNA) -> None:
        await tell(self.world, "thulium", "phone", agent=agent, act=act)

    async def switch(self, **switches: object) -> None:
        await tell(self.world, "thulium", "switches", **switches)

    async def until(self, holds: Callable[[], bool]) -> None:
        for _ in range(300):
            if holds():
                return
            await asyncio.sleep(0.01)
        raise AssertionError([one.state for _, one in self.told])


@asynccontextmanager
async def telephones(
    world: World, service: Service, *, listening: tuple[str, ...] = (ANNA,), **settings: object
) -> AsyncIterator[Phones]:
    tenant = await install(service, **settings)  # type: ignore[arg-type]
    await ensure(tenant, no_older_than=timedelta())
    for agent in listening:
        await service.devices.pair(
            tenant.id, f"{CENTRE}/{agent}", user_id=None, name="Chrome", client="terminal", origin=""
        )
    tenant = await service.tenant(tenant.id)

    async def listen(_: Tenant) -> None:
        return

    async with exchanging(world, service, tenant, listen, listening) as phones:
        await phones.switch(phones="manual")
        yield phones


@asynccontextmanager
async def exchanging(
    world: World, service: Service, tenant: Tenant, listen: Any, listening: tuple[str, ...]
) -> AsyncIterator[Phones]:
    phones = Phones(world, service, tenant, None, set(listening))  # type: ignore[arg-type]
    phones.exchange = Exchange(
        phones.hear, service.latest, listen, lambda tenant: phones.ended.append(tenant.id), service.clock
    )
    try:
        yield phones
    finally:
        await phones.exchange.close()
