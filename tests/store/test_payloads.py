import string
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.records import Call, Chat, EventKind, Message, Ticket, Unreadable
from connector.store.payloads import kind_of, occurred_at, pack, unpack

texts = st.text(max_size=20)
optional = st.none() | texts
moments = st.datetimes(timezones=st.just(UTC))
calls = st.builds(Call, started_at=moments, topic=optional, note=optional, connection_s=st.integers(0, 10**6),
                  talk_s=st.integers(0, 10**6))  # fmt: skip
chats = st.builds(Chat, started_at=moments, ended_at=st.none() | moments)
tickets = st.builds(Ticket, created_at=moments, updated_at=moments)
messages = st.builds(Message, ticket=tickets, created_at=moments)


@given(calls | chats | messages)
def test_every_event_comes_back_as_it_was_kept(event: Call | Chat | Message) -> None:
    assert unpack(kind_of(event), pack(event)) == event


@given(st.sampled_from(EventKind), st.text(string.printable))
def test_what_was_never_readable_does_not_come_back_as_an_event(kind: EventKind, raw: str) -> None:
    event = Unreadable(kind, "1", datetime(2026, 1, 1, tzinfo=UTC), "wrong shape", raw)
    assert (kind_of(event), occurred_at(event)) == (kind, event.occurred_at)
    with pytest.raises((KeyError, TypeError, ValueError)):
        unpack(kind, pack(event))
