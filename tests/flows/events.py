"""Ordinary events for the pure decisions; a test changes what it is about."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from connector.records import Call, CallResult, Chat, Direction, Message, Ticket

AT = datetime(2026, 11, 16, 9, 30, tzinfo=UTC)

_CALL = Call(
    "c1", Direction.INBOUND, CallResult.ANSWERED, AT, "+48601000001", "221234567", connection_s=75, talk_s=65,
    agent_id="anna.nowak", queue_id="1",
)  # fmt: skip
_CHAT = Chat(
    "h1", AT, AT + timedelta(seconds=245), client_name="Ewa", client_email="ewa@example.com", agent_id="anna.nowak",
    queue_id="1", source="www", topic="Wycena", text="CLIENT: Dzień dobry",
)  # fmt: skip
_TICKET = Ticket(
    "t1",
    "Zapytanie",
    AT,
    AT,
    requester="ewa@example.com",
    agent_id="anna.nowak",
    queue_id="1",
    source="email",
)
_MESSAGE = Message("m1", _TICKET, Direction.INBOUND, AT, "ewa@example.com", "anna.nowak", "Proszę o wycenę.")


def call(**changes: object) -> Call:
    return replace(_CALL, **changes)  # type: ignore[arg-type]


def chat(**changes: object) -> Chat:
    return replace(_CHAT, **changes)  # type: ignore[arg-type]


def message(*, ticket: dict[str, object] | None = None, **changes: object) -> Message:
    return replace(_MESSAGE, ticket=replace(_TICKET, **(ticket or {})), **changes)  # type: ignore[arg-type]
