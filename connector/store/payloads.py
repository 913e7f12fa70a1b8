"""Events as bytes and back; the form is JSON so that a later version can still read it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import cast

import orjson

from connector.records import Call, CallResult, Chat, Direction, Event, EventKind, Message, Ticket, Unreadable

Row = Mapping[str, object]


def kind_of(event: Event | Unreadable) -> EventKind:
    """The kind under which the ledger keeps `event`."""
    if isinstance(event, Unreadable):
        return event.kind
    if isinstance(event, Call):
        return EventKind.CALL
    return EventKind.CHAT if isinstance(event, Chat) else EventKind.MESSAGE


def occurred_at(event: Event | Unreadable) -> datetime:
    """When `event` happened."""
    if isinstance(event, Unreadable):
        return event.occurred_at
    return event.created_at if isinstance(event, Message) else event.started_at


def pack(event: Event | Unreadable) -> bytes:
    """`event` as JSON."""
    return orjson.dumps(event)


def unpack(kind: str, packed: bytes) -> Event:
    """The event that was packed; raises KeyError or ValueError when it was `Unreadable`."""
    row = orjson.loads(packed)
    if kind == EventKind.CALL:
        row["direction"] = Direction(row["direction"])
        row["result"] = CallResult(row["result"])
        _times(row, "started_at")
        return Call(**row)
    if kind == EventKind.CHAT:
        _times(row, "started_at", "ended_at")
        return Chat(**row)
    ticket = row["ticket"]
    _times(ticket, "created_at", "updated_at")
    row["ticket"] = Ticket(**ticket)
    row["direction"] = Direction(row["direction"])
    _times(row, "created_at")
    return Message(**row)


def _times(row: dict[str, object], *names: str) -> None:
    for name in names:
        if (value := row[name]) is not None:
            row[name] = datetime.fromisoformat(cast("str", value))
