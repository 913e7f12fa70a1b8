"""An hour of a contact centre, and how it is read."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from connector.records import Call, Chat, Message, Unreadable, Window

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
HOUR = Window(START, START + timedelta(hours=1))
Item = TypeVar("Item")


async def every(pages: AsyncIterator[Sequence[Item]]) -> list[Item]:
    return [item async for page in pages for item in page]


def moment(minutes: float) -> str:
    return (START + timedelta(minutes=minutes)).isoformat()


def ids(events: Iterable[Call | Chat | Message | Unreadable]) -> list[str]:
    return [event.id for event in events]


def generated(events: int, **mix: float) -> dict[str, object]:
    shares = {"call": 0.0, "message": 0.0, "chat": 0.0, **mix}
    span = {"from": moment(0), "to": moment(59)}
    return {"events": events, "persons": 10, "unmatched": 0.1, "answered": 0.7, "mix": shares, **span}
