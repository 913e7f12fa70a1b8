"""The adapter against a simulated Thulium on a real socket."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TypeVar

import pytest

from connector.centres import ContactCentre
from connector.errors import Forbidden, NotFound, Rejected, Retryable, Throttled, Unauthorised, UnknownOutcome
from connector.records import (
    Call,
    CallResult,
    CallTopic,
    Chat,
    Direction,
    Message,
    Queue,
    QueueKind,
    Unreadable,
    Window,
)
from tests.centres.simulated import Simulated

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
HOUR = Window(START, START + timedelta(hours=1))
Item = TypeVar("Item")


async def every(pages: AsyncIterator[Sequence[Item]]) -> list[Item]:
    return [item async for page in pages for item in page]


def moment(minutes: float) -> str:
    return (START + timedelta(minutes=minutes)).isoformat()


def a_call(minutes: float, **values: object) -> dict[str, object]:
    return {"number": "+48601000001", "customer_id": None, "at": moment(minutes), **values}


def ids(events: Iterable[Call | Chat | Message | Unreadable]) -> list[str]:
    return [event.id for event in events]


def generated(events: int, **mix: float) -> dict[str, object]:
    shares = {"call": 0.0, "message": 0.0, "chat": 0.0, **mix}
    span = {"from": moment(0), "to": moment(59)}
    return {"events": events, "persons": 10, "unmatched": 0.1, "answered": 0.7, "mix": shares, **span}


async def test_all_rights_of_a_full_user_work(thulium: ContactCentre) -> None:
    rights = await thulium.check()
    assert [right.name for right in rights if not right.works] == []
    assert {"connections", "tickets", "chats", "customers", "webhooks"} <= {right.name for right in rights}


async def test_a_missing_right_is_named_with_what_fails_without_it(simulated: Simulated) -> None:
    rights = {
        name: ["*"]
        for name in ("agents", "queues", "connections", "topics", "tickets", "customers", "webhooks")
    }
    await simulated.control("users", {"login": "narrow", "password": "p", "rights": rights})
    centre = simulated.centre(user="narrow", password="p")
    missing = [right for right in await centre.check() if not right.works]
    assert [right.name for right in missing] == ["chats", "companies"]
    assert missing[0].needed_for == "chats"
    assert "403" in missing[0].detail
    with pytest.raises(Forbidden):
        await every(centre.chats(HOUR))


async def test_a_wrong_password_is_told_at_once(simulated: Simulated) -> None:
    with pytest.raises(Unauthorised):
        await simulated.centre(password="wrong").check()


async def test_nobody_at_the_other_end_is_no_missing_right(simulated: Simulated) -> None:
    centre = simulated.centre()
    await simulated.server.close()
    with pytest.raises(Retryable):
        await centre.check()


@pytest.mark.parametrize("named_ids", [False, True])
async def test_the_directory_is_read(simulated: Simulated, named_ids: bool) -> None:
    await simulated.switch(named_ids=named_ids)
    centre = simulated.centre()
    await simulated.seed(
        agents=[
            {
                "login": "z.nowy",
                "name": "Zbigniew",
                "surname": "Nowy",
                "email": "z@example.com",
                "active": False,
            }
        ],
        outbounds={"00009": "Odnowienia"},
        chat_queues={"2": "Sklep"},
    )
    agents = {agent.id: agent for agent in await centre.agents()}
    assert (agents["z.nowy"].name, agents["z.nowy"].email, agents["z.nowy"].active) == (
        "Zbigniew Nowy",
        "z@example.com",
        False,
    )
    queues = await centre.queues()
    assert Queue("00009", "Odnowienia", QueueKind.CAMPAIGN) in queues
    assert Queue("2", "Sklep", QueueKind.CHAT) in queues
    assert {queue.kind for queue in queues} == set(QueueKind)
    assert "Reklamacja" in (await centre.topics()).values()


async def test_queues_that_the_user_may_not_see_are_left_out(simulated: Simulated) -> None:
    await simulated.control("users", {"login": "narrow", "password": "p", "rights": {"queues": ["*"]}})
    assert {queue.kind for queue in await simulated.centre(user="narrow", password="p").queues()} == {
        QueueKind.CALL
    }


@pytest.mark.parametrize("enveloped", [False, True])
@pytest.mark.parametrize("second_email", [False, True])
async def test_customers_and_companies_are_read_in_either_envelope(
    simulated: Simulated, enveloped: bool, second_email: bool
) -> None:
    await simulated.switch(customers_envelope=enveloped, second_email=second_email)
    await simulated.seed(
        customers=[
            {
                "surname": f"Żak {n}",
                "name": "Ewa",
                "phone_number": [f"6010{n:05}"],
                "email": [f"e{n}@example.com", "x@example.com"],
            }
            for n in range(120)
        ],
        companies=[{"name": "Piekarnia", "phone_number": "221234568", "nip": "0000000000"}],
    )
    centre = simulated.centre()
    customers = {customer.id: customer for customer in await every(centre.customers())}
    ewa = next(customer for customer in customers.values() if customer.last_name == "Żak 7")
    assert (ewa.first_name, ewa.phones) == ("Ewa", ("601000007",))
    assert ewa.emails == (("e7@example.com", "x@example.com") if second_email else ("e7@example.com",))
    assert await centre.customer(ewa.id) == ewa
    (company,) = await every(centre.companies())
    assert (company.name, company.tax_id) == ("Piekarnia", "0000000000")
    assert await centre.company(company.id) == company
    assert len(customers) >= 120


async def test_a_record_that_does_not_exist_is_none(thulium: ContactCentre) -> None:
    assert await thulium.customer("999999") is None
    assert await thulium.company("999999") is None


async def test_a_failed_lookup_is_never_an_absent_record(simulated: Simulated) -> None:
    await simulated.fault(kind="status_before", status=502, times=None)
    with pytest.raises(Retryable):
        await simulated.centre().customer("1")


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


async def test_an_agent_is_rung_with_our_tag(simulated: Simulated) -> None:
    await simulated.centre().dial("anna.nowak", "+48601000001", tag="c-17")
    dialled = (await simulated.state())["dialled"]
    assert isinstance(dialled, list)
    assert len(dialled) == 1
    assert "+48601000001" in str(dialled)
    assert "c-17" in str(dialled)


async def test_an_agent_that_does_not_exist_is_told(thulium: ContactCentre) -> None:
    with pytest.raises(NotFound):
        await thulium.dial("nobody/../x", "+48601000001")


@pytest.mark.parametrize("kind", ["status_after", "reset_after"])
async def test_a_dial_whose_answer_is_lost_is_unknown_and_not_repeated(
    simulated: Simulated, kind: str
) -> None:
    await simulated.fault(kind=kind, method="POST")
    with pytest.raises(UnknownOutcome):
        await simulated.centre().dial("anna.nowak", "+48601000001")
    assert [call.method for call in simulated.requests()].count("POST") == 1


async def test_a_subscription_is_made_listed_and_ended(thulium: ContactCentre) -> None:
    url = "https://connector.example.com/hooks/centre/1"
    made = await thulium.subscribe(url, user="hook", password="secret")
    assert (made, url) in await thulium.subscriptions()
    await thulium.unsubscribe(made)
    await thulium.unsubscribe(made)
    assert await thulium.subscriptions() == []


async def test_a_subscription_whose_answer_is_lost_is_unknown(simulated: Simulated) -> None:
    centre = simulated.centre()
    await simulated.fault(kind="empty_body", method="POST", path="webhooks")
    with pytest.raises(UnknownOutcome):
        await centre.subscribe("https://connector.example.com/h", user="u", password="p")
    with pytest.raises(Rejected):
        await centre.subscribe("no address", user="u", password="p")


async def test_requests_keep_to_the_limit_of_the_account(simulated: Simulated) -> None:
    await simulated.seed(generate=generated(250, call=1.0))
    centre = simulated.centre(thulium_requests_per_second=2)
    await every(centre.calls(HOUR))
    assert sum(simulated.clock.slept) == pytest.approx(1.0, abs=0.2)
