"""Calls, chats and messages read by the adapter from a simulated Thulium on a real socket."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from connector.errors import Throttled
from connector.records import Call, CallResult, CallTopic, Chat, Direction, Message, Unreadable, Window
from tests.centres.simulated import Simulated
from tests.centres.thulium.reading import HOUR, START, Item, every, generated, ids, moment


def a_call(minutes: float, **values: object) -> dict[str, object]:
    return {"number": "+48601000001", "customer_id": None, "at": moment(minutes), **values}


async def test_calls_of_a_window_come_once_with_topic_and_result(simulated: Simulated) -> None:
    await simulated.seed(
        calls=[
            a_call(-1),
            a_call(0, type="OUTBOUND", topic_id=96, comment="Oddzwonić"),
            a_call(30.5, disposition="NO ANSWER", agent=""),
            a_call(60),
        ]
    )
    second, first = await every(simulated.centre().calls(HOUR))
    assert isinstance(first, Call)
    assert isinstance(second, Call)
    assert (first.direction, first.result, first.topic, first.note) == (
        Direction.OUTBOUND,
        CallResult.ANSWERED,
        "Nowe zamówienie",
        None,
    )
    assert (first.started_at, first.customer_number, first.talk_s) == (START, "+48601000001", 60)
    assert (second.result, second.started_at) == (CallResult.ABANDONED, START + timedelta(minutes=30))
    assert second.talk_s == 0


@pytest.mark.parametrize("shape", ["list", "names", "none"])
async def test_a_call_knows_its_topic_in_every_reading(simulated: Simulated, shape: str) -> None:
    await simulated.switch(topics_shape=shape)
    await simulated.seed(calls=[a_call(1, topic_id=95), a_call(2)])
    calls = await every(simulated.centre().calls(HOUR))
    assert {event.topic for event in calls if isinstance(event, Call)} == {"Reklamacja", None}


async def test_calls_are_read_even_if_the_names_of_topics_may_not_be(simulated: Simulated) -> None:
    await simulated.switch(topics_shape="none")
    await simulated.seed(calls=[a_call(1, topic_id=95)])
    await simulated.control("users", {"login": "narrow", "password": "p", "rights": {"connections": ["*"]}})
    (call,) = await every(simulated.centre(user="narrow", password="p").calls(HOUR))
    assert isinstance(call, Call)
    assert call.topic is None


@pytest.mark.parametrize("missing", ["404", "nulls"])
async def test_a_topic_appears_only_when_the_agent_has_written_it(simulated: Simulated, missing: str) -> None:
    await simulated.switch(topic_missing=missing)
    await simulated.seed(calls=[a_call(1, connection_id="1416225570.340")])
    centre = simulated.centre()
    assert await centre.call_topic("1416225570.340") is None
    await simulated.happen("topic", connection_id="1416225570.340", topic_id=97, comment=" Faktura 12 ")
    assert await centre.call_topic("1416225570.340") == CallTopic("Pytanie o fakturę", "Faktura 12")
    assert await centre.call_topic("1.2") is None


@pytest.mark.parametrize("bounds", ["inclusive", "exclusive"])
@pytest.mark.parametrize("repeated", [False, True])
async def test_windows_side_by_side_take_every_call_and_chat_once(
    simulated: Simulated, bounds: str, repeated: bool
) -> None:
    await simulated.switch(bounds=bounds, repeat_lists=repeated)
    await simulated.seed(generate=generated(400, call=0.7, chat=0.3))
    centre = simulated.centre()
    edges = [START + timedelta(minutes=minutes) for minutes in (-1, 7.3, 21, 34.9, 60)]
    windows = [Window(*pair) for pair in pairwise(edges)]
    calls = [event async for event in _all(centre.calls(window) for window in windows)]
    chats = [event async for event in _all(centre.chats(window) for window in windows)]
    assert len(ids(calls)) == len(set(ids(calls))) == 280
    assert len(ids(chats)) == len(set(ids(chats))) == 120


async def _all(passes: Iterable[AsyncIterator[Sequence[Item]]]) -> AsyncIterator[Item]:
    for pages in passes:
        async for page in pages:
            for item in page:
                yield item


async def test_the_hour_that_the_autumn_change_repeats_loses_no_call(simulated: Simulated) -> None:
    change = datetime(2026, 10, 25, 1, tzinfo=UTC)
    await simulated.seed(
        calls=[
            {
                "number": "601000001",
                "customer_id": None,
                "at": (change + timedelta(minutes=10 * step)).isoformat(),
            }
            for step in range(-9, 12)
        ]
    )
    centre = simulated.centre()
    edges = [change + timedelta(minutes=minutes) for minutes in (-120, -45, -5, 15, 45, 120)]
    windows = [Window(*pair) for pair in pairwise(edges)]
    calls = [event async for event in _all(centre.calls(window) for window in windows)]
    assert len(ids(calls)) == len(set(ids(calls))) == 21


async def test_open_and_closed_chats_are_read_with_their_lines(simulated: Simulated) -> None:
    lines = [{"sent_by": "CLIENT", "text": "Dzień dobry"}, {"sent_by": "AGENT", "text": "W czym pomóc?"}]
    await simulated.switch(chat_source=True)
    await simulated.seed(
        chats=[
            {
                "name": "Ewa",
                "email": "ewa@example.com",
                "at": moment(1),
                "messages": lines,
                "source": "Widget",
                "topic": "Cennik",
            },
            {"name": "Jan", "at": moment(2), "closed_at": moment(5), "agent": "anna.nowak"},
        ]
    )
    found = {
        event.client_name: event
        for event in await every(simulated.centre().chats(HOUR))
        if isinstance(event, Chat)
    }
    assert found["Ewa"].ended_at is None
    assert found["Ewa"].text == "CLIENT: Dzień dobry\nAGENT: W czym pomóc?"
    assert (found["Ewa"].source, found["Ewa"].topic) == ("Widget", "Cennik")
    assert found["Jan"].ended_at == START + timedelta(minutes=5)
    assert found["Jan"].agent_id == "anna.nowak"


async def test_a_chat_text_is_found_under_another_key(simulated: Simulated) -> None:
    await simulated.switch(chat_text_key="content")
    await simulated.seed(chats=[{"at": moment(1), "messages": [{"text": "Dzień dobry"}]}])
    (chat,) = await every(simulated.centre().chats(HOUR))
    assert isinstance(chat, Chat)
    assert chat.text == "CLIENT: Dzień dobry"


@pytest.mark.parametrize("listed", [True, False])
@pytest.mark.parametrize("moving", [0, 3, -1])
@pytest.mark.parametrize("repeated", [False, True])
async def test_all_messages_of_modified_tickets_are_read_while_tickets_move(
    simulated: Simulated, listed: bool, moving: int, repeated: bool
) -> None:
    await simulated.seed(generate=generated(500, message=1.0))
    await simulated.switch(list_messages=listed, moving_tickets=moving, repeat_lists=repeated)
    events = await every(simulated.centre(thulium_connections=8).messages(START - timedelta(minutes=1)))
    assert len(ids(events)) == len(set(ids(events))) == 500
    assert {event.direction for event in events if isinstance(event, Message)} == set(Direction)


async def test_old_messages_of_a_ticket_modified_today_are_read(simulated: Simulated) -> None:
    await simulated.seed(
        tickets=[
            {
                "from": "ewa@example.com",
                "at": moment(-10_000),
                "messages": [
                    {"type": "MAIL", "body": "<p>Dzień&nbsp;dobry</p>", "at": moment(-10_000)},
                    {"type": "COMMENT", "body": "uwaga", "at": moment(-9_000), "agent": "anna.nowak"},
                    {"type": "REPLY", "body": "Witamy", "at": moment(5), "agent": "anna.nowak"},
                ],
            },
            {
                "from": "jan@example.com",
                "at": moment(-10_000),
                "messages": [{"body": "dawno", "at": moment(-10_000)}],
            },
        ]
    )
    mail, reply = await every(simulated.centre().messages(START))
    assert isinstance(mail, Message)
    assert isinstance(reply, Message)
    assert (mail.text, mail.sender, mail.created_at) == (
        "Dzień dobry",
        "ewa@example.com",
        START - timedelta(minutes=10_000),
    )
    assert (reply.text, reply.sender, reply.direction) == ("Witamy", "anna.nowak", Direction.OUTBOUND)


async def test_a_slow_or_failing_page_is_asked_for_again(simulated: Simulated) -> None:
    await simulated.seed(generate=generated(250, call=1.0))
    for kind, nth in (("status_before", 2), ("reset_before", 3), ("empty_body", 4)):
        await simulated.fault(kind=kind, nth=nth, path="connections")
    assert len(set(ids(await every(simulated.centre().calls(HOUR))))) == 250


async def test_a_throttled_pass_says_how_long_to_wait(simulated: Simulated) -> None:
    await simulated.fault(kind="burst_429", path="connections")
    with pytest.raises(Throttled) as caught:
        await every(simulated.centre().calls(HOUR))
    assert caught.value.after == 1


async def test_rows_of_a_wrong_shape_are_set_aside_alone(simulated: Simulated) -> None:
    await simulated.seed(generate=generated(60, call=0.5, message=0.25, chat=0.25))
    centre = simulated.centre()

    async def read() -> list[Call | Chat | Message | Unreadable]:
        calls, chats = await every(centre.calls(HOUR)), await every(centre.chats(HOUR))
        return [*calls, *chats, *await every(centre.messages(START))]

    before = await read()
    broken = [next(event.id for event in before if isinstance(event, kind)) for kind in (Call, Chat, Message)]
    for event_id in broken:
        await simulated.happen("broken", id=event_id)
    after = await read()
    assert len(after) == len(before) == 60
    assert [event.id for event in after if isinstance(event, Unreadable)] == broken
    assert all(event.reason and event.raw for event in after if isinstance(event, Unreadable))
