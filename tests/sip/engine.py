"""Real phones for the simulated contact centre: an engine that rings them through Kamailio and tells what happens at them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from connector.sandbox.thulium.phones import Act, Happened, LiveCall
from tests.at_work import until
from tests.sip.baresip import PORTS, Baresip, baresip
from tests.sip.kamailio import EXCHANGE, address, bridge, kamailio
from tests.sip.process import Said, free_ports

REFUSED = (486, 600, 603)
NOT_ANSWERED = (408, 480)
GIVEN_UP = 487


@dataclass
class SipEngine:
    """Phones of agents by their login, phones of customers by their number; `server` is Kamailio's port."""

    server: int
    agents: dict[str, Baresip] = field(default_factory=dict)
    customers: dict[str, Baresip] = field(default_factory=dict)
    registered: set[str] = field(default_factory=set)
    going_on: dict[str, tuple[LiveCall, Happened]] = field(default_factory=dict)
    """Calls by the number of the agent's phone."""
    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def place(self, call: LiveCall, happened: Happened) -> None:
        agent = self.agents[call.agent]
        self.going_on[agent.number] = call, happened
        if call.inbound:
            self.customers[call.src].order("dial", address(self.server, agent.number))
        else:
            task = asyncio.create_task(bridge(self.server, agent.number, call.dst))
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)

    def act(self, call: LiveCall, act: Act) -> None:
        """Press the button; that nobody answers, or a call fails, is up to the phones."""
        match act:
            case "answer":
                self.agents[call.agent].order("accept")
            case "hang_up" | "reject":
                self.agents[call.agent].order("hangup")
            case "they_answer":
                self.customers[call.customer_number].order("accept")
            case "they_hang_up" | "they_reject":
                self.customers[call.customer_number].order("hangup")

    def hear(self, told: Said) -> None:
        """Tell the contact centre what Kamailio saw between two phones."""
        if told["what"] == "registered":
            self.registered.add(told["from"])
            return
        caller, callee = told["from"], told["to"]
        agent = next((number for number in (caller, callee) if number in self.going_on), None)
        if agent is not None and (act := what_happened(told, agent)):
            call, happened = self.going_on[agent]
            happened(call, act)
            if call.over:
                del self.going_on[agent]


def what_happened(told: Said, agent: str) -> Act | None:
    """An act of the agent whose number this is, or of the other one."""
    by_agent = told["from"] == agent
    match told["what"]:
        case "answered":
            return "they_answer" if by_agent else "answer"
        case "bye" if told["from"] != EXCHANGE:
            return "hang_up" if by_agent else "they_hang_up"
        case "failed" if told["status"] in REFUSED:
            return "they_reject" if by_agent else "reject"
        case "failed" if told["status"] == GIVEN_UP and told["from"] != EXCHANGE:
            return "hang_up" if by_agent else "they_hang_up"
        case "failed":
            return "no_answer" if told["status"] in (*NOT_ANSWERED, GIVEN_UP) else "fail"
    return None


@asynccontextmanager
async def real_phones(
    folder: Path, agents: Mapping[str, str], customers: Mapping[str, int], *, agent_hz: int
) -> AsyncIterator[SipEngine]:
    """Run Kamailio and a phone for each agent (login to number) and customer (number to the tone they say)."""
    phones = len(agents) + len(customers)
    first = free_ports(2 + PORTS * phones)
    ports = iter(range(first + 2, first + 2 + PORTS * phones, PORTS))
    engine = SipEngine(first)
    async with AsyncExitStack() as running:
        await running.enter_async_context(kamailio(folder / "kamailio", first, engine.hear))

        async def phone(number: str, hz: int) -> Baresip:
            one = baresip(folder / f"phone-{number}", next(ports), number, first, says_hz=hz)
            return await running.enter_async_context(one)

        for login, number in agents.items():
            engine.agents[login] = await phone(number, agent_hz)
        for number, hz in customers.items():
            engine.customers[number] = await phone(number, hz)

        async def all_there() -> bool:
            return engine.registered >= {*agents.values(), *customers}

        await until(all_there)
        yield engine
