"""Real phones ring and talk: a dial through the connector, and what stands in Pipedrive when they have hung up."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientWebSocketResponse

from connector.app import Service
from connector.flows.tenant import Tenant
from tests.at_work import until
from tests.flows.looking import PERSON, HastyClock, ask, tell
from tests.serving import served
from tests.sip.baresip import Baresip
from tests.sip.engine import real_phones
from tests.sip.sound import seconds_of_tone
from tests.world import World, ago, install, open_world, settle_down

ANNA, NUMBER = "anna.nowak", "+48601000001"
JAN = {"entity": "person", "id": "1"}
AGENT_HZ, CUSTOMER_HZ = 440, 700
TALK_S = 4.0
#: As the simulator calls them; the vendor does not say.
HOOKS = ("AGENT_ANSWERED", "CLIENT_ANSWERED", "AGENT_ENDED_CALL")
LASTED = re.compile(r"(\d+):(\d\d) \([^)\d]*(\d+):(\d\d)\)")


@dataclass
class Office:
    """Anna at a real phone with a terminal beside it, a customer at another phone, and the connector."""

    world: World
    service: Service
    tenant: Tenant
    anna: Baresip
    customer: Baresip
    line: ClientWebSocketResponse
    told: list[Any] = field(default_factory=list)
    """What Anna's terminal is told of calls, in order."""

    async def dial(self, number: str = NUMBER) -> None:
        order = {"type": "dial", "id": "one", "number": number, "record": JAN, "source": "terminal"}
        await self.line.send_json(order)

    async def listen(self) -> None:
        async for message in self.line:
            if (said := message.json())["type"] == "call":
                self.told.append(said["call"])

    async def until_told(self, state: str) -> Any:
        """Wait until Anna's terminal has been told of a state of the call, and why; gives the call."""

        def told() -> list[Any]:
            return [call for call in self.told if call["state"] == state and call["reason"] != "unknown"]

        async def was_told() -> bool:
            return bool(told())

        await until(was_told)
        return told()[-1]

    async def is_subscribed(self) -> bool:
        """Whether the contact centre tells the connector of calls, as it does once somebody's line is open."""
        return bool((await ask(self.world, "thulium", "state"))["subscriptions"])

    async def press(self, act: str) -> None:
        await tell(self.world, "thulium", "phone", agent=ANNA, act=act)

    async def ended(self) -> Any:
        """The call as the contact centre lists it, once it is over."""

        async def over() -> bool:
            return not await ask(self.world, "thulium", "phones")

        await until(over)
        return (await ask(self.world, "thulium", "events"))[-1]

    async def activity(self) -> Any:
        """The one activity of the call, after a run."""
        await settle_down(self.service, self.tenant)
        (activity,) = await self.world.activities()
        return activity


@pytest.fixture
async def office(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Office]:
    """The contact centre tells of answers and ends, unless the test's parameter says that it tells only of ringing."""
    hooks = getattr(request, "param", HOOKS)
    async with (
        real_phones(tmp_path, {ANNA: "391"}, {NUMBER: CUSTOMER_HZ}, agent_hz=AGENT_HZ) as engine,
        open_world(tmp_path, engine=engine, pipedrive_timeout=5.0, thulium_timeout=5.0) as world,
        served(world, HastyClock(), thulium_call_actions=hooks) as here,
    ):
        await tell(world, "thulium", "switches", live_hooks="all" if hooks else "ringing")
        await world.seed_pipedrive(persons=[PERSON])
        tenant = await install(here.service, since=ago(hours=1))
        _, token = await here.service.devices.pair(
            tenant.id, f"thulium:demo/{ANNA}", user_id=None, name="Terminal", client="terminal", origin=""
        )
        named = ("connector.v1", f"bearer.{token}")
        async with world.http.ws_connect(f"{here.origin}/line", protocols=named) as line:
            anna, customer = engine.agents[ANNA], engine.customers[NUMBER]
            office = Office(world, here.service, tenant, anna, customer, line)
            listening = asyncio.create_task(office.listen())
            await until(office.is_subscribed)
            yield office
            await line.close()
            await listening


def lasted(activity: Any) -> tuple[int, int]:
    """Seconds of talk and of the whole call, as the activity's note tells them."""
    found = LASTED.search(activity["note"])
    assert found, activity["note"]
    minutes, seconds, all_minutes, all_seconds = map(int, found.groups())
    return minutes * 60 + seconds, all_minutes * 60 + all_seconds


def talked(phone: Baresip, other_hz: int, own_hz: int) -> None:
    """The phone heard the other one, and not itself, in packets that went both ways."""
    assert seconds_of_tone(phone.recording(), other_hz) > TALK_S - 1
    assert seconds_of_tone(phone.recording(), own_hz) == 0
    assert min(phone.packets()) > (TALK_S - 1) * 50


@pytest.mark.parametrize(
    ("office", "states"),
    [
        (HOOKS, ["dialling", "ringing_you", "ringing_them", "in_call", "ended"]),
        ((), ["dialling", "ringing_you", "ended"]),
    ],
    indirect=["office"],
    ids=["all_hooks", "ringing_alone"],
)
async def test_a_dial_makes_two_real_phones_ring_and_talk_and_pipedrive_says_how_long(
    office: Office, states: list[str]
) -> None:
    await office.dial()
    await office.anna.until("CALL_INCOMING")
    began = time.monotonic()
    assert not any(one.get("type") == "CALL_INCOMING" for one in office.customer.heard)
    await office.press("answer")
    await office.customer.until("CALL_INCOMING")
    await asyncio.sleep(1.2)
    await office.press("they_answer")
    for phone in (office.anna, office.customer):
        await phone.until("CALL_RTPESTAB")
    answered = time.monotonic()
    await asyncio.sleep(TALK_S)
    await office.press("hang_up")
    await office.customer.until("CALL_CLOSED")
    ended = time.monotonic()

    talked(office.anna, CUSTOMER_HZ, AGENT_HZ)
    talked(office.customer, AGENT_HZ, CUSTOMER_HZ)
    assert (await office.ended())["result"] == "ANSWERED"
    activity = await office.activity()
    talk, whole = lasted(activity)
    assert talk == pytest.approx(ended - answered, abs=1)
    assert whole == pytest.approx(ended - began, abs=1)
    assert activity["person_id"] == 1
    assert activity["done"]
    last = await office.until_told("ended")
    assert (last["reason"], last["number"]) == ("answered", NUMBER)
    assert last["duration_s"] == pytest.approx(ended - answered, abs=1)
    assert [*dict.fromkeys(call["state"] for call in office.told)] == states


async def test_somebody_calls_and_real_phones_talk(office: Office) -> None:
    await tell(office.world, "thulium", "ring", agent=ANNA, number=NUMBER)
    await office.anna.until("CALL_INCOMING")
    assert (await office.until_told("ringing_you"))["number"] == NUMBER
    await office.press("answer")
    for phone in (office.anna, office.customer):
        await phone.until("CALL_RTPESTAB")
    answered = time.monotonic()
    await asyncio.sleep(TALK_S)
    await office.press("they_hang_up")
    await office.anna.until("CALL_CLOSED")
    seconds = time.monotonic() - answered
    talked(office.anna, CUSTOMER_HZ, AGENT_HZ)
    call = await office.ended()
    assert (call["type"], call["number"], call["result"]) == ("INBOUND", NUMBER, "ANSWERED")
    assert lasted(await office.activity())[0] == pytest.approx(seconds, abs=1)
    last = await office.until_told("ended")
    assert (last["direction"], last["reason"]) == ("in", "answered")
    assert [*dict.fromkeys(call["state"] for call in office.told)] == ["ringing_you", "in_call", "ended"]


@pytest.mark.parametrize(
    ("acts", "result", "reason"),
    [
        (("reject",), "BUSY", "busy"),
        (("answer", "they_reject"), "BUSY", "busy"),
        (("answer", "hang_up"), "NO ANSWER", "no_answer"),
    ],
)
async def test_a_real_phone_that_refuses_or_gives_up_is_listed_and_told_so(
    office: Office, acts: tuple[str, ...], result: str, reason: str
) -> None:
    await office.dial()
    await office.anna.until("CALL_INCOMING")
    for act in acts:
        await office.press(act)
        if act == "answer":
            await office.customer.until("CALL_INCOMING")
    assert (await office.ended())["result"] == result
    assert (await office.until_told("ended"))["reason"] == reason


async def test_a_number_without_a_phone_fails(office: Office) -> None:
    await office.dial("+48601000009")
    await office.anna.until("CALL_INCOMING")
    await office.press("answer")
    assert (await office.ended())["result"] == "FAILED"
