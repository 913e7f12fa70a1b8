"""Rows of the vendor's pages as events, and each reading of what those pages leave open."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.centres.thulium import directory, mapping, wire
from connector.centres.thulium.wire import Row
from connector.records import (
    Call,
    CallResult,
    CallTopic,
    Chat,
    Direction,
    EventKind,
    Hint,
    Message,
    Unreadable,
    Window,
)
from tests.centres.simulated import fixture
from tests.centres.thulium.rows import WALL, row, rows

DAY = Window(datetime(2026, 3, 1, 23, tzinfo=UTC), datetime(2026, 3, 2, 23, tzinfo=UTC))


def call(**changed: object) -> Call | Unreadable:
    return mapping.read_calls([rows("connections.json")[0] | changed], DAY, WALL, {"96": "Z listy"})[0]


def read_call(**changed: object) -> Call:
    found = call(**changed)
    assert isinstance(found, Call), found
    return found


def chat(**changed: object) -> Chat:
    found = mapping.read_chats([rows("chats.json")[0] | changed], DAY, WALL)[0]
    assert isinstance(found, Chat), found
    return found


def messages(**changed: object) -> list[Message | Unreadable]:
    return list(mapping.read_messages(rows("tickets.json")[0] | changed, WALL, DAY.since))


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_a_documented_call_is_read_in_full() -> None:
    assert call() == Call(
        id="1416225570.341",
        direction=Direction.INBOUND,
        result=CallResult.ANSWERED,
        started_at=at("2026-03-02 09:15"),
        src="601000001",
        dst="221234567",
        connection_s=129,
        talk_s=104,
        agent_id="anna.nowak",
        agent_name="Anna Nowak",
        customer_id="12",
        queue_id="1",
        topic="Nowe zamówienie",
    )


@pytest.mark.parametrize(
    ("disposition", "inbound", "outbound"),
    [
        ("ANSWERED", CallResult.ANSWERED, CallResult.ANSWERED),
        ("NO ANSWER", CallResult.ABANDONED, CallResult.FAILED),
        ("BUSY", CallResult.FAILED, CallResult.FAILED),
        ("FAILED", CallResult.FAILED, CallResult.FAILED),
        ("no_answer", CallResult.ABANDONED, CallResult.FAILED),
        (" No  Answer ", CallResult.ABANDONED, CallResult.FAILED),
    ],
)
def test_a_disposition_is_a_result_by_direction(
    disposition: str, inbound: CallResult, outbound: CallResult
) -> None:
    assert read_call(disposition=disposition, type="INBOUND").result is inbound
    assert read_call(disposition=disposition, type="outbound").result is outbound


@pytest.mark.parametrize(
    ("fields", "topic"),
    [
        ({"topics": [{"id": 96, "name": "A"}, {"id": 97, "name": "B"}]}, "A, B"),
        ({"topics": ["A"]}, "A"),
        ({"topics": {"id": 96, "name": "A"}}, "A"),
        ({"topics": "A"}, "A"),
        ({"topics": [], "topic": {"topic_name": "A"}}, "A"),
        ({"topics": None, "topic": "A"}, "A"),
        ({"topics": [], "topic_name": "A"}, "A"),
        ({"topics": [{"id": 96}]}, "Z listy"),
        ({"topics": None, "topic_id": "96"}, "Z listy"),
        ({"topics": None, "topic_id": 404}, None),
        ({"topics": None, "topic_id": None}, None),
    ],
)
def test_the_topic_of_a_call_is_found_in_every_shape(fields: dict[str, object], topic: str | None) -> None:
    assert read_call(**fields).topic == topic


def test_nothing_is_nothing_in_every_spelling() -> None:
    for nothing in (None, "", "null", "0", 0, " "):
        found = read_call(customer_id=nothing, queue_id=nothing, ticket_id=nothing, user_login=None)
        assert (found.customer_id, found.queue_id, found.ticket_id, found.agent_id) == (
            None,
            None,
            None,
            None,
        )


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        ({"disposition": "PARKED"}, "unknown disposition 'PARKED'"),
        ({"type": None}, "no readable type"),
        ({"date": "yesterday"}, "no readable date"),
        ({"duration": "long"}, "no readable duration"),
        ({"connection_id": None}, "no readable connection_id"),
        ({"disposition": []}, "TypeError"),
    ],
)
def test_a_broken_call_is_set_aside_with_its_reason_and_its_neighbours_go_through(
    broken: dict[str, object], reason: str
) -> None:
    listed = rows("connections.json")
    read = mapping.read_calls([listed[0], listed[1] | broken, listed[2]], DAY, WALL, {})
    assert [type(event) for event in read] == [Call, Unreadable, Call]
    aside = read[1]
    assert isinstance(aside, Unreadable)
    assert reason in aside.reason
    assert aside.kind is EventKind.CALL
    assert aside.id == "1416225571.342" or "connection_id" in broken
    assert aside.occurred_at == (DAY.since if "date" in broken else at("2026-03-02 09:20"))
    assert orjson.loads(aside.raw) == listed[1] | broken


WHO = "Jan Kowalski, +48 601 000 001"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *((name, WHO) for name in ("type", "disposition", "date", "duration", "billsec", "connection_id")),
        ("duration", "Jan:Kowalski"),
        ("date", "2026-03-02 Kowalski"),
        ("date", "2026-03-02 09:20 Kowalski"),
        ("date", {"at": WHO}),
        ("disposition", [WHO]),
    ],
)
def test_why_a_row_is_set_aside_is_said_without_what_the_row_says(name: str, value: object) -> None:
    calls = mapping.read_calls([rows("connections.json")[0] | {name: value}], DAY, WALL, {})
    chats = mapping.read_chats([rows("chats.json")[0] | {"created_at": value}], DAY, WALL)
    read = [*calls, *chats]
    assert not any("Kowalski" in event.reason for event in read if isinstance(event, Unreadable))


def test_why_a_message_is_set_aside_is_said_without_what_it_says() -> None:
    at_nine = "2026-03-02 09:00"
    odd = [{"type": WHO, "created_at": at_nine}, {"type": "MAIL", "created_at": WHO}, WHO, {"type": [WHO]}]
    told = [*messages(messages=odd), *messages(created_at=WHO, updated_at=WHO)]
    reasons = [event.reason for event in told if isinstance(event, Unreadable)]
    assert len(reasons) == 5
    assert not any("Kowalski" in reason for reason in reasons)


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers(-(2**63), 2**63)
        | st.text(max_size=5)
        | st.floats(allow_nan=False),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    ["connection_id", "date", "type", "messages", "ticket_id", "created_at", "topics", "name"]
                ),
                inner,
                max_size=5,
            )
        ),
        max_leaves=12,
    )
)
def test_no_row_upsets_a_reader(raw: object) -> None:
    assert all(isinstance(event, Call | Unreadable) for event in mapping.read_calls([raw], DAY, WALL, {}))
    assert all(isinstance(event, Chat | Unreadable) for event in mapping.read_chats([raw], DAY, WALL))
    assert all(
        isinstance(event, Message | Unreadable) for event in mapping.read_messages(raw, WALL, DAY.since)
    )
    first, second = (directory.key_for("tickets")(raw) for _ in range(2))
    assert first == second


def test_calls_outside_a_half_open_window_are_dropped() -> None:
    listed = rows("connections.json")
    window = Window(at("2026-03-02 09:15"), at("2026-03-02 09:31"))
    assert [event.id for event in mapping.read_calls(listed, window, WALL, {})] == [
        "1416225570.341",
        "1416225571.342",
    ]


def test_topic_and_note_of_a_call() -> None:
    note = "Klientka prosi o ofertę – oddzwonić w piątek."
    topics = {"96": "Nowe zamówienie"}
    assert mapping.read_call_topic(row("connections_id_topic.json"), topics) == CallTopic(
        "Nowe zamówienie", note
    )
    assert mapping.read_call_topic(row("connections_id_topic_nulls.json"), topics) is None


def test_a_documented_chat_is_read_in_full() -> None:
    assert chat() == Chat(
        id="0b9f7c1e-52a5-4f0e-9c62-1d8f1f0f7a10",
        started_at=at("2026-03-02 10:00:05.250"),
        ended_at=at("2026-03-02 10:07:45.900"),
        customer_id="12",
        client_name="Ewa Żak",
        client_email="ewa@example.com",
        agent_id="anna.nowak",
        queue_id="2",
        text="CLIENT: Czy mają Państwo wolne terminy?\nAGENT: Tak, zapraszamy w środę.",
    )


def test_a_chat_is_open_until_it_is_closed() -> None:
    assert mapping.read_chats(rows("chats.json"), DAY, WALL)[1] == Chat(
        id="4f1f6f2e-0d5e-4c0f-8f1c-6d8d1a2b3c4d",
        started_at=at("2026-03-02 10:30"),
        ended_at=None,
        queue_id="2",
    )
    assert chat(status="IN_PROGRESS").ended_at is None
    assert chat(status="CLOSED", closed_at=None).ended_at == at("2026-03-02 10:00:05.250")
    assert chat(status=None).ended_at == at("2026-03-02 10:07:45.900")
    assert chat(status=None, closed_at="").ended_at is None


@pytest.mark.parametrize("key", ["text", "message", "content", "body"])
def test_chat_lines_are_found_under_any_key(key: str) -> None:
    assert (
        chat(messages=[{"sent_by": "CLIENT", key: "Dzień  dobry\n!"}, "?", {}]).text
        == "CLIENT: Dzień dobry !"
    )


def test_source_topic_and_client_of_a_chat_are_found_wherever_they_are() -> None:
    found = chat(source="Messenger", topic={"name": "Cennik"})
    assert (found.source, found.topic) == ("Messenger", "Cennik")
    found = chat(
        client_name="",
        client_email=None,
        client_data={"source": "Widget", "name": "E", "email": "e@example.com"},
    )
    assert (found.source, found.client_name, found.client_email) == ("Widget", "E", "e@example.com")


def test_long_chats_are_cut() -> None:
    found = chat(messages=[{"sent_by": "CLIENT", "text": "x" * 700}] * 1000)
    assert len(found.text) == 2_000


def test_mails_and_replies_of_a_ticket_are_read_and_comments_left_out() -> None:
    mail, reply = messages()
    assert isinstance(mail, Message)
    assert isinstance(reply, Message)
    assert (mail.id, mail.direction, mail.created_at) == ("500", Direction.INBOUND, at("2026-03-02 08:00"))
    assert (mail.sender, mail.agent_id, mail.text) == (
        "ewa@example.com",
        "anna.nowak",
        "Dzień dobry,\nproszę o wycenę.",
    )
    assert (reply.id, reply.direction, reply.sender) == ("501", Direction.OUTBOUND, "jan.kowalski")
    assert reply.text == "Dzień dobry,\noferta w załączniku."
    ticket = mail.ticket
    assert (ticket.id, ticket.subject, ticket.requester) == ("1232", "Zapytanie o wycenę", "ewa@example.com")
    assert (ticket.customer_id, ticket.queue_id, ticket.queue_name) == ("12", "3", "Biuro")
    assert (ticket.status, ticket.source) == ("Otwarte - czeka", "email")
    assert (ticket.created_at, ticket.updated_at) == (at("2026-03-02 08:00"), at("2026-03-02 08:40"))


def test_a_message_of_unknown_type_or_time_is_set_aside_alone() -> None:
    listed = rows("tickets.json")[0]["messages"]
    strange = [
        {**listed[2], "message_id": 9, "type": "FAX"},
        {**listed[2], "message_id": 8, "created_at": ""},
        5,
    ]
    read = messages(messages=[*strange, listed[3]])
    assert [event.id for event in read if isinstance(event, Unreadable)][1:] == ["8", "9"]
    assert [event.id for event in read if isinstance(event, Message)] == ["500"]


def test_messages_without_ids_keep_theirs_when_the_ticket_grows() -> None:
    def nameless(text: str) -> dict[str, object]:
        return {"type": "MAIL", "body": text, "created_at": "2026-03-02 09:00", "user_login": ""}

    before = [event.id for event in messages(messages=[nameless("b"), nameless("a")])]
    after = [event.id for event in messages(messages=[nameless("c"), nameless("b"), nameless("a")])]
    assert len(set(after)) == 3
    assert after[:2] == before


def test_a_ticket_of_the_wrong_shape_is_set_aside_under_its_id() -> None:
    (aside,) = messages(created_at="", updated_at=None)
    assert isinstance(aside, Unreadable)
    assert (aside.kind, aside.id) == (EventKind.MESSAGE, "ticket-1232")


def test_a_ticket_listed_without_messages_is_read_alone() -> None:
    listed = rows("tickets.json")[0]
    assert mapping.unlisted_ticket(listed, "messages") is None
    assert mapping.unlisted_ticket({**listed, "messages": []}, "messages") == "1232"
    assert mapping.unlisted_ticket({"ticket_id": 7}, "messages") == "7"
    assert mapping.whole_ticket({"ticket_id": 7, "source": "sms"}, None) is None


def test_two_megabytes_of_html_in_a_mail_are_kept_short() -> None:
    listed = rows("tickets.json")[0]["messages"][3]
    (mail,) = messages(messages=[{**listed, "body": "<p>łoś</p>" * 200_000}])
    assert isinstance(mail, Message)
    assert len(mail.text) == 2_000


@pytest.mark.parametrize(
    ("action", "kind", "ref"),
    [
        ("CHAT_CONVERSATION_CREATED", "chat", "0b9f7c1e-52a5-4f0e-9c62-1d8f1f0f7a10"),
        ("CHAT_AGENT_ASSIGNED", "chat", "0b9f7c1e-52a5-4f0e-9c62-1d8f1f0f7a10"),
        ("CHAT_CONVERSATION_CLOSED", "chat", "0b9f7c1e-52a5-4f0e-9c62-1d8f1f0f7a10"),
        ("CUSTOMER_CREATED", "customer", "12"),
        ("CUSTOMER_UPDATED", "customer", "12"),
        ("TICKET_CREATED", "ticket", "1232"),
        ("AGENT_RINGING", "call", "1416225570.341"),
        ("RECORDING_READY", "recording", "1416225570.341"),
    ],
)
def test_each_documented_webhook_is_a_hint(action: str, kind: str, ref: str) -> None:
    (event,) = wire.read_hook("application/x-www-form-urlencoded", fixture(f"{action}.txt").strip())
    hint = mapping.read_hint(event, WALL)
    assert hint is not None
    assert (hint.kind, hint.ref) == (kind, ref)
    assert hint.at == WALL.utc(event["date"])
    assert hint.dedup_key.startswith(f"{action}:{ref}:")
    assert hint.dedup_key.endswith(event["date"])


def test_an_unknown_webhook_is_told_by_the_id_it_carries() -> None:
    assert mapping.read_hint({"action": "CALL_ENDED", "connection_id": "1.2"}, WALL) == Hint(
        "call", "1.2", None, "CALL_ENDED:1.2:"
    )
    assert mapping.read_hint({"action": "CAMPAIGN_STARTED", "outbound_id": "00001"}, WALL) is None
    long = mapping.read_hint({"action": "A" * 300, "ticket_id": "1"}, WALL)
    assert long is not None
    assert len(long.dedup_key) < 200


def test_a_hint_says_whom_it_concerns() -> None:
    def concerned(**event: str) -> tuple[str, str, str | None, str | None]:
        hint = mapping.read_hint(event, WALL)
        assert hint is not None
        return hint.kind, hint.ref, hint.customer_id, hint.company_id

    assert concerned(action="TICKET_CREATED", ticket_id="5", customer_id="12") == ("ticket", "5", "12", None)
    assert concerned(action="TICKET_CREATED", ticket_id="5", customer_id="null")[2] is None
    assert concerned(action="CUSTOMER_UPDATED", customer_id="40", company_id="31") == (
        "customer",
        "40",
        "40",
        "31",
    )
    assert concerned(action="CUSTOMER_UPDATED", customer_id="12", company_id="0")[3] is None


def test_a_page_of_calls_is_read_in_well_under_25_microseconds_a_row() -> None:
    page = rows("connections.json") * 250
    best = min(_cpu_of(page) for _ in range(3))
    assert best / len(page) < 50e-6  # twice the budget, for a busy machine


def _cpu_of(page: list[Row]) -> float:
    started = time.process_time()
    mapping.read_calls(page, DAY, WALL, {})
    return time.process_time() - started
