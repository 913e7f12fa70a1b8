"""An agent's click rings their phone, once, and says honestly when it does not."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from connector.app import Service
from connector.realtime.protocol import Call, Refused
from connector.store.live_calls import MOST_A_MINUTE, MOST_AT_ONCE, State
from tests.flows.looking import tell
from tests.flows.telephones import ANNA, CENTRE, JAN, NUMBER, telephones
from tests.world import World

DIAL = {"method": "POST", "path": "/call$"}


async def test_a_click_rings_the_agent_with_the_number_and_our_id(world: World, service: Service) -> None:
    async with telephones(world, service) as phones:
        call = await phones.dialled("601 000 001")
        assert (call.direction, call.state, call.number) == ("out", "dialling", NUMBER)
        assert call.number_shown == "+48 601 000 001"
        (rung,) = await phones.rung()
        assert (rung["who"], rung["number"], rung["custom_data"]) == (ANNA, NUMBER, call.id)
        assert phones.states(call.id) == ["dialling"]


async def test_the_row_is_kept_before_the_phone_rings(world: World, service: Service) -> None:
    async with telephones(world, service) as phones:
        await world.fault("thulium", "delay", seconds=0.2, **DIAL)
        ordered = asyncio.create_task(phones.order())
        await phones.until(lambda: bool(phones.told))
        assert await phones.rung() == []
        (kept,) = await phones.tenant.live_calls.latest(CENTRE, ANNA, 5)
        assert kept.state is State.DIALLING
        await ordered


async def test_a_number_that_must_not_be_dialled_leaves_nothing_behind(
    world: World, service: Service
) -> None:
    async with telephones(world, service, dialling={"refused": ["+49"]}) as phones:
        for number, reason in (
            ("112", "number_emergency"), ("700123456", "number_premium"), ("204", "number_internal"),
            ("Jan", "number_invalid"), ("+49 30 123456", "number_refused"),
        ):  # fmt: skip
            assert await phones.order(number, order_id="o-1") == Refused("o-1", reason)
        assert await phones.rung() == []
        assert await phones.tenant.live_calls.latest(CENTRE, ANNA, 5) == []
        assert phones.told == []


async def test_what_an_administrator_allows_is_dialled(world: World, service: Service) -> None:
    async with telephones(world, service, dialling={"premium": True, "internal": True}) as phones:
        await phones.switch(phones="auto")
        for number in ("801123456", "204"):
            await phones.dialled(number)
        assert [one["number"] for one in await phones.rung()] == ["+48801123456", "204"]
        assert isinstance(await phones.order("999"), Refused)


async def test_an_order_sent_twice_and_a_double_click_are_one_call(world: World, service: Service) -> None:
    async with telephones(world, service) as phones:
        orders = [
            phones.order(order_id="o-1"),
            phones.order(order_id="o-1"),
            phones.order("601000001", order_id="o-2"),
        ]
        calls = await asyncio.gather(*orders)
        assert len({call.id for call in calls}) == 1
        assert len(await phones.rung()) == 1
        # The first was lost on its way back: the device asks again, long after.
        service.clock.move_to(timedelta(minutes=3))
        again = await phones.order(order_id="o-1")
        assert again.id == calls[0].id
        assert len(await phones.rung()) == 1


async def test_another_agent_or_number_is_another_call(world: World, service: Service) -> None:
    async with telephones(world, service) as phones:
        await phones.switch(phones="auto")
        await phones.dialled()
        await phones.dialled("601000002")
        await phones.dialled(agent=JAN)
        assert len(await phones.rung()) == 3


async def test_nobody_dials_too_often_or_too_many_at_once(world: World, service: Service) -> None:
    async with telephones(world, service) as phones:
        await phones.switch(phones="auto", dial_seconds=60)
        for n in range(MOST_AT_ONCE):
            await phones.dialled(f"60100000{n}")
        assert await phones.order("601000009", order_id="o") == Refused("o", "too_often")
        assert isinstance(await phones.order("601000009", agent=JAN), Call)
        for kept in await phones.tenant.live_calls.latest(CENTRE, ANNA, 20):
            await phones.told_of("CALL_ENDED", kept.id, custom_data=kept.id)
        for n in range(MOST_A_MINUTE - MOST_AT_ONCE):
            one = await phones.dialled(f"6010001{n:02}")
            await phones.told_of("CALL_ENDED", one.id, custom_data=one.id)
        assert await phones.order("601000009", order_id="o") == Refused("o", "too_often")
        assert len(await phones.rung()) == MOST_A_MINUTE + 1
        service.clock.move_to(timedelta(minutes=1))
        assert isinstance(await phones.order("601000009"), Call)


@pytest.mark.parametrize(
    ("agent", "switches", "reason"),
    [
        ({"logged_in": False}, {}, "agent_offline"),
        ({"active": False}, {}, "agent_offline"),
        ({"outbounds": []}, {}, "no_campaign"),
        ({}, {"refused_numbers": "+48601"}, "number_refused"),
    ],
)
async def test_a_contact_centre_that_refuses_says_why_and_is_asked_once(
    world: World, service: Service, agent: dict[str, object], switches: dict[str, object], reason: str
) -> None:
    async with telephones(world, service) as phones:
        await phones.switch(**switches)
        await tell(world, "thulium", "agents", login=ANNA, **agent)
        call = await phones.dialled()
        assert (call.state, call.reason) == ("failed", reason)
        assert call.ended_at is not None
        assert phones.states(call.id) == ["dialling", "failed"]
        calls = [one for one in await world.calls("thulium") if one["path"].endswith("/call")]
        assert len(calls) == 1


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ({"kind": "status_before", "status": 403}, "no_right"),
        ({"kind": "status_before", "status": 429}, "centre_down"),
        ({"kind": "status_before", "status": 422}, "centre_refused"),
        ({"kind": "status_before", "status": 404}, "agent_offline"),
        ({"kind": "unauthorised"}, "centre_refused"),
    ],
)
async def test_what_else_keeps_a_phone_from_ringing_has_a_name(
    world: World, service: Service, fault: dict[str, object], reason: str
) -> None:
    async with telephones(world, service) as phones:
        await world.fault("thulium", str(fault.pop("kind")), **DIAL, **fault)
        call = await phones.dialled()
        assert (call.state, call.reason) == ("failed", reason)
        assert await phones.rung() == []


@pytest.mark.parametrize("kind", ["reset_after", "status_after"])
async def test_a_call_whose_answer_is_lost_is_never_asked_for_again_and_may_still_ring(
    world: World, service: Service, kind: str
) -> None:
    async with telephones(world, service) as phones:
        await world.fault("thulium", kind, **DIAL, times=1)
        call = await phones.dialled()
        assert (call.state, call.reason, call.ended_at) == ("failed", "unknown", None)
        again = await phones.order(order_id="order-1")
        assert isinstance(again, Call)
        assert (again.id, again.state) == (call.id, "failed")
        assert len(await phones.rung()) == 1
        await phones.told_of("AGENT_RINGING", custom_data=call.id)
        assert phones.states(call.id) == ["dialling", "failed", "ringing_you"]
        assert phones.last().reason == ""


async def test_a_phone_that_rings_before_its_dial_is_answered_has_not_failed(
    world: World, service: Service
) -> None:
    async with telephones(world, service) as phones:
        await world.fault("thulium", "delay", seconds=0.4, **DIAL, times=1)
        ordered = asyncio.create_task(phones.order())
        await phones.until(lambda: bool(phones.told))
        await phones.told_of("AGENT_RINGING")
        call = await ordered
        assert isinstance(call, Call)
        assert call.state == "ringing_you"


async def test_nobody_dials_for_an_installation_that_is_off_or_a_contact_centre_that_is_gone(
    world: World, service: Service
) -> None:
    async with telephones(world, service, switched_on=False) as phones:
        assert await phones.order(order_id="o") == Refused("o", "not_switched_on")
        assert await phones.rung() == []


async def test_each_dial_is_in_the_trail_without_the_number(world: World, service: Service) -> None:
    async with telephones(world, service) as phones:
        call = await phones.dialled(record=("deal", 7))
        (noted,) = [one for one in await phones.tenant.audit.entries() if one.action == "dial"]
        assert (noted.by, noted.name) == (f"agent:{CENTRE}/{ANNA}", ANNA)
        assert noted.detail == {"call": call.id, "number": "+4860…01", "source": "link", "record": "deal 7"}
        assert NUMBER[3:].encode() not in world.database.read_bytes()


async def test_an_extension_is_shown_and_not_dialled(world: World, service: Service) -> None:
    async with telephones(world, service) as phones:
        call = await phones.dialled("tel:+48221234567;ext=12")
        assert (call.number, call.number_shown) == ("+48221234567", "+48 22 123 45 67 ext. 12")
        assert [one["number"] for one in await phones.rung()] == ["+48221234567"]


async def test_a_phone_rings_although_the_contact_centre_is_busy_with_a_backfill(
    world: World, service: Service
) -> None:
    world.waits = {"thulium_connections": 1}
    async with world.connector(service.clock) as busy, telephones(world, busy) as phones:
        await world.fault("thulium", "delay", method="GET", seconds=0.2, times=None)
        centre = phones.tenant.centres[CENTRE].api
        others = [asyncio.create_task(centre.customer(str(n))) for n in range(30)]
        await asyncio.sleep(0.05)
        await phones.dialled()
        assert sum(task.done() for task in others) <= 2
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
