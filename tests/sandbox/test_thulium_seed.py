"""Seeds, the generator, and the truth that everything else is compared with."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import AsyncIterator

import pytest

from connector.sandbox import people
from tests.sandbox.thulium import Centre, running


@pytest.fixture
async def centre() -> AsyncIterator[Centre]:
    async with running() as centre:
        yield centre


MONTH = {"from": "2026-03-01T00:00:00Z", "to": "2026-04-01T00:00:00Z"}
CROWD = MONTH | {
    "events": 400,
    "persons": 50,
    "unmatched": 0.1,
    "phone_base": "+48601000000",
    "answered": 0.7,
}


async def test_generated_events_have_the_mix_and_period_asked_for(centre: Centre) -> None:
    await centre.seed(generate=CROWD | {"mix": {"call": 0.6, "message": 0.25, "chat": 0.15}})
    facts = await centre.look("events")
    kinds = Counter(fact["kind"] for fact in facts)
    assert kinds == {"call": 240, "message": 100, "chat": 60}
    assert all("2026-03" in fact["start"] for fact in facts)
    strangers = sum(fact["customer_id"] is None for fact in facts)
    assert 20 <= strangers <= 65
    answered = [fact for fact in facts if fact["result"] == "ANSWERED"]
    assert 140 <= len(answered) <= 195
    assert all(fact["topic"] and fact["text"] for fact in answered)


async def test_calls_of_a_person_use_the_persons_number_and_strangers_others(centre: Centre) -> None:
    await centre.seed(generate=CROWD)
    for fact in await centre.look("events"):
        if fact["kind"] == "call":
            offset = int(fact["number"][-9:]) - 601000000
            assert offset == fact["customer_id"] - 1 if fact["customer_id"] else offset >= 5_000_000


async def test_the_same_seed_makes_the_same_events() -> None:
    made = []
    for seed in (1, 1, 2):
        async with running() as centre:
            await centre.seed(generate=CROWD | {"seed": seed})
            made.append(await centre.look("events"))
    assert made[0] == made[1]
    assert made[0] != made[2]


async def test_the_truth_holds_calls_closed_chats_and_messages_of_a_period(centre: Centre) -> None:
    await centre.seed(
        customers=[
            {"name": "Łukasz", "surname": "Żak", "phone_number": "601000001", "email": "z@example.com"}
        ],
        calls=[
            {
                "number": "601000001",
                "at": "2026-06-01T10:00:00Z",
                "ring": 5,
                "talk": 55,
                "topic_id": 95,
                "comment": "ą",
            }
        ],
        chats=[
            {"email": "z@example.com", "at": "2026-06-01T11:00:00Z", "closed_at": "2026-06-01T11:05:00Z"},
            {"email": "z@example.com", "at": "2026-06-01T11:30:00Z"},
        ],
        tickets=[{"from": "z@example.com", "at": "2026-06-01T12:00:00Z"}],
    )
    call, chat, message = await centre.look("events")
    assert (call["kind"], call["result"], call["topic"], call["text"]) == (
        "call",
        "ANSWERED",
        "Reklamacja",
        "ą",
    )
    assert (call["start"], call["end"]) == ("2026-06-01T10:00:00+00:00", "2026-06-01T10:01:00+00:00")
    assert (chat["kind"], chat["end"]) == ("chat", "2026-06-01T11:05:00+00:00")
    assert (message["kind"], message["type"], message["ticket_id"]) == ("message", "MAIL", 1001)
    assert {fact["customer_name"] for fact in (call, chat, message)} == {"Łukasz Żak"}
    later = await centre.look("events", **{"from": "2026-06-01T11:00:00Z", "to": "2026-06-01T12:00:00Z"})
    assert later == [chat]


async def test_the_truth_is_what_the_api_lists(centre: Centre) -> None:
    await centre.seed(generate=CROWD | {"events": 60})
    facts = await centre.look("events")
    calls = (await centre.get("connections"))["result"]
    chats = (await centre.get("chats"))["result"]
    tickets = (await centre.get("tickets"))["result"]
    listed = {row["connection_id"] for row in calls} | {row["conversation_id"] for row in chats}
    listed |= {str(message["message_id"]) for row in tickets for message in row["messages"]}
    assert listed == {fact["id"] for fact in facts}


async def test_a_seed_sets_the_directory_and_wrong_ones_are_refused(centre: Centre) -> None:
    await centre.seed(
        agents=[{"login": "ewa", "name": "Ewa", "surname": "Łęcka", "email": "ewa@example.com"}],
        topics={"7": "Serwis"},
        customer_fields=[{"name": "Pipedrive ID", "type": "number"}],
        mailboxes=["pomoc@example.com"],
    )
    assert (await centre.get("agents/ewa"))["email"] == "ewa@example.com"
    assert await centre.get("topics") == [{"id": 7, "name": "Serwis"}]
    for wrong in (
        {"customers": [{"name": "bez nazwiska"}]},
        {"calls": [{"number": "1", "at": "2026-06-01 10:00"}]},
        {"calls": [{"number": "1", "disposition": "LOST"}]},
        {"generate": {"events": 5}},
        {"calls": "none"},
    ):
        await centre.control("seed", status=400, **wrong)


async def test_what_happens_is_dated_by_the_simulated_clock(centre: Centre) -> None:
    async with centre.client.post("/_sandbox/clock", json={"offset_seconds": 86400}) as reply:
        tomorrow = (await reply.json())["now"][:10]
    await centre.happen("chat", name="Żak", close=True)
    assert (await centre.look("events"))[0]["start"][:10] == tomorrow


async def test_ten_thousand_events_load_in_no_time(centre: Centre) -> None:
    started = time.process_time()
    await centre.seed(generate=CROWD | {"events": 10_000, "persons": 2_000})
    assert time.process_time() - started < 3
    state = await centre.look("state")
    assert (state["calls"], state["messages"], state["chats"], state["customers"]) == (6000, 2500, 1500, 2000)


async def test_a_row_can_come_in_a_wrong_shape_among_good_ones(centre: Centre) -> None:
    made = await centre.seed(
        calls=[{"number": "601000001"}] * 2, chats=[{"name": "Żak"}], tickets=[{"from": "k@example.com"}]
    )
    message = (await centre.get("tickets"))["result"][0]["messages"][0]["message_id"]
    for ref in (made["calls"][0], made["chats"][0], message):
        await centre.happen("broken", id=ref)
    dates = {row["connection_id"]: row["date"] for row in (await centre.get("connections"))["result"]}
    assert dates.pop(made["calls"][0]) == "0000-00-00 00:00"
    assert all(date.startswith("20") for date in dates.values())
    assert (await centre.get("chats"))["result"][0]["created_at"] is None
    assert (await centre.get("tickets"))["result"][0]["messages"][0]["created_at"] is None
    await centre.happen("broken", id=made["calls"][0], mended=True)
    assert all(row["date"].startswith("20") for row in (await centre.get("connections"))["result"])


async def test_a_hundred_thousand_customers_load_in_no_time_as_the_persons_of_the_other_simulator(
    centre: Centre,
) -> None:
    started = time.process_time()
    made = await centre.seed(generate={"persons": 100_000, "companies": 1000, "offset": 50})
    assert time.process_time() - started < 3
    assert made["generated"] == {"persons": 100_000, "companies": 1000}
    card = await centre.get("customers/100000")
    first, last = people.name(100_049)
    assert (card["name"], card["surname"], card["email"]) == (first, last, "person100050@example.com")
    assert card["phone_number"] == "601100049"
    assert (await centre.get(f"companies/{card['company_id']}"))["name"] == people.company(49)
    found = await centre.get("customers", phone_number="601100049")
    assert [row["customer_id"] for row in found] == [100_000]
