"""Phones that people answer: calls both ways, as they go on, and what is told of them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from connector.sandbox.thulium.hooks import ACTIONS, UNSENT
from tests.sandbox.thulium import Centre, Receiver, receiving, running

ANNA = "agents/anna.nowak/call"
RINGING, ANSWERED, THEY_ANSWERED, ENDED = (
    "AGENT_RINGING",
    "AGENT_ANSWERED",
    "CLIENT_ANSWERED",
    "AGENT_ENDED_CALL",
)


@pytest.fixture
async def centre() -> AsyncIterator[Centre]:
    async with running() as centre:
        await centre.switch(phones="manual")
        yield centre


@pytest.fixture
async def receiver(centre: Centre) -> AsyncIterator[Receiver]:
    async with receiving() as receiver:
        await centre.post("webhooks", {"actions": list(ACTIONS), "subscription_url": receiver.url})
        yield receiver


async def does(centre: Centre, act: str, *, seconds: float = 0, status: int = 200) -> Any:
    """Let so many seconds pass, then do something at a phone of Anna's call."""
    now = (await centre.look("clock"))["offset_seconds"]
    await centre.control("clock", offset_seconds=now + seconds)
    return await centre.control("phone", status=status, agent="anna.nowak", act=act)


async def dial(centre: Centre, number: str = "601000001", **more: object) -> None:
    await centre.post(ANNA, {"phone_number": number, **more})


async def ended(centre: Centre) -> dict[str, Any]:
    assert await centre.look("phones") == []
    row: dict[str, Any] = (await centre.get("connections"))["result"][0]
    return row


async def told(centre: Centre, receiver: Receiver) -> list[str]:
    await centre.look("hooks")
    return [form["action"] for form in receiver.forms]


async def test_a_dialled_call_lasts_as_long_as_people_talk(centre: Centre, receiver: Receiver) -> None:
    await dial(centre, custom_data="x1")
    assert (await does(centre, "answer", seconds=4))["state"] == "ringing_them"
    assert (await does(centre, "they_answer", seconds=6))["state"] == "talking"
    assert (await centre.get("connections"))["count"] == 0
    await does(centre, "they_hang_up", seconds=65)
    row = await ended(centre)
    assert (row["disposition"], row["duration"], row["billsec"]) == ("ANSWERED", 75, 65)
    assert (row["src"], row["dst"], row["type"]) == ("391", "601000001", "OUTBOUND")
    assert row["disconnected_by"] == "Customer"
    assert await told(centre, receiver) == [RINGING, ANSWERED, THEY_ANSWERED, ENDED, "RECORDING_READY"]
    assert {form["connection_id"] for form in receiver.forms} == {row["connection_id"]}
    assert [form.get("custom_data") for form in receiver.forms[:4]] == ["x1"] * 4
    assert receiver.forms[3] | {"duration": "75", "billsec": "65"} == receiver.forms[3]


async def test_a_call_that_comes_in_rings_the_agent_and_names_who_calls(
    centre: Centre, receiver: Receiver
) -> None:
    await centre.seed(customers=[{"surname": "Żak", "phone_number": "601000001"}])
    made = await centre.control("ring", agent="anna.nowak", number="+48 601 000 001", queue=2)
    assert (await does(centre, "answer", seconds=5))["state"] == "talking"
    await does(centre, "hang_up", seconds=30)
    row = await ended(centre)
    assert (row["connection_id"], row["type"], row["src"]) == (made["id"], "INBOUND", "+48601000001")
    assert (row["duration"], row["billsec"], row["disconnected_by"]) == (35, 30, "Agent")
    assert (int(row["queue_id"]), int(row["customer_id"])) == (2, 1)
    assert await told(centre, receiver) == [RINGING, ANSWERED, ENDED, "RECORDING_READY"]
    assert (receiver.forms[0]["source_number"], receiver.forms[0]["agent_login"]) == (
        "+48601000001",
        "anna.nowak",
    )


@pytest.mark.parametrize(
    ("acts", "disposition"),
    [
        (("reject",), "BUSY"),
        (("no_answer",), "NO ANSWER"),
        (("fail",), "FAILED"),
        (("answer", "they_reject"), "BUSY"),
        (("answer", "no_answer"), "NO ANSWER"),
        (("answer", "hang_up"), "NO ANSWER"),
        (("answer", "fail"), "FAILED"),
    ],
)
async def test_a_dialled_call_that_nobody_talked_in_says_why(
    centre: Centre, receiver: Receiver, acts: tuple[str, ...], disposition: str
) -> None:
    await dial(centre)
    for act in acts:
        await does(centre, act, seconds=3)
    row = await ended(centre)
    assert (row["disposition"], row["duration"], row["billsec"]) == (disposition, 3 * len(acts), 0)
    assert not row["filename"]
    assert await told(centre, receiver) == [RINGING, *[ANSWERED] * (len(acts) - 1), ENDED]
    assert receiver.forms[-1]["billsec"] == "0"


@pytest.mark.parametrize(
    ("act", "disposition"), [("reject", "BUSY"), ("they_hang_up", "NO ANSWER"), ("no_answer", "NO ANSWER")]
)
async def test_a_call_that_comes_in_may_not_be_taken(centre: Centre, act: str, disposition: str) -> None:
    await centre.control("ring", agent="anna.nowak", number="601000001")
    await does(centre, act, seconds=12)
    row = await ended(centre)
    assert (row["disposition"], row["duration"], row["billsec"]) == (disposition, 12, 0)


async def test_a_phone_that_nobody_answers_stops_ringing(centre: Centre, receiver: Receiver) -> None:
    await centre.switch(ring_seconds=0.01)
    await centre.control("ring", agent="anna.nowak", number="601000001")
    await receiver.wait_for(2)
    assert (await ended(centre))["disposition"] == "NO ANSWER"
    await centre.switch(ring_seconds=30)
    await dial(centre)
    await centre.switch(ring_seconds=0.01)
    await does(centre, "answer")
    await receiver.wait_for(5)
    assert (await ended(centre))["disposition"] == "NO ANSWER"


async def test_a_phone_does_only_what_it_can_do_now(centre: Centre) -> None:
    await does(centre, "answer", status=400)
    await dial(centre)
    for wrong in ("they_answer", "they_hang_up", "they_reject", "whistle"):
        await does(centre, wrong, status=400)
    await does(centre, "answer")
    for wrong in ("answer", "reject", "they_hang_up"):
        await does(centre, wrong, status=400)
    await centre.control("phone", status=404, agent="nobody", act="answer")


async def refused(centre: Centre, body: object, path: str = ANNA) -> str:
    answer = await centre.post(path, body, status=400)
    return str(answer["errors"][0]["message"])


async def test_a_refusal_names_the_field_and_why(centre: Centre) -> None:
    await dial(centre)
    assert await refused(centre, {"phone_number": "601000002"}) == "Invalid value: login (agent is in a call)"
    await centre.control("ring", status=400, agent="anna.nowak", number="601000002")
    await does(centre, "reject")

    await centre.switch(refused_numbers="0700 +4870")
    for number in ("0700123456", "+48 70 123 45 67", "biuro", "1"):
        assert "phone_number" in await refused(centre, {"phone_number": number})
    await centre.control("agents", login="anna.nowak", outbounds=[])
    assert "outbound_id" in await refused(centre, {"phone_number": "601000001"})
    await centre.control("agents", login="anna.nowak", outbounds=["00001"], logged_in=False)
    assert "login" in await refused(centre, {"phone_number": "601000001"})
    await centre.control("agents", login="anna.nowak", logged_in=True, active=False)
    assert "login" in await refused(centre, {"phone_number": "601000001"})
    assert await centre.look("phones") == []


@pytest.mark.parametrize("reading", ["all", "agent", "ringing"])
async def test_hooks_that_a_reading_does_not_know_are_neither_sent_nor_subscribed_to(
    centre: Centre, receiver: Receiver, reading: str
) -> None:
    await centre.switch(live_hooks=reading)
    await dial(centre)
    for act in ("answer", "they_answer", "hang_up"):
        await does(centre, act)
    every = [RINGING, ANSWERED, THEY_ANSWERED, ENDED, "RECORDING_READY"]
    assert await told(centre, receiver) == [one for one in every if one not in UNSENT[reading]]
    for action in every:
        status = 400 if action in UNSENT[reading] else 200
        body = {"actions": [RINGING, action], "subscription_url": receiver.url}
        await centre.post("webhooks", body, status=status)


async def test_calls_run_by_themselves_unless_people_are_at_the_phones(
    centre: Centre, receiver: Receiver
) -> None:
    await centre.switch(phones="auto", dial_seconds=0.02)
    await dial(centre)
    await receiver.wait_for(5)
    row = await ended(centre)
    assert (row["disposition"], row["duration"], row["billsec"]) == ("ANSWERED", 42, 35)
    for result in ("BUSY", "NO ANSWER", "FAILED"):
        receiver.forms.clear()
        await centre.switch(dial_result=result)
        await dial(centre)
        await receiver.wait_for(3)
        row = await ended(centre)
        assert (row["disposition"], row["duration"], row["billsec"]) == (result, 7, 0)


async def test_a_person_may_end_a_call_that_runs_by_itself(centre: Centre, receiver: Receiver) -> None:
    await centre.switch(phones="auto", dial_seconds=0.08)
    await dial(centre)
    await does(centre, "reject")
    await dial(centre)
    await receiver.wait_for(7)
    assert [row["disposition"] for row in (await centre.get("connections"))["result"]] == ["ANSWERED", "BUSY"]
