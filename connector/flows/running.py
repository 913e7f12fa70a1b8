"""What is known of work that is under way: how far a run is, and what came of taking one back."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime

from connector.flows.contacts.undoing import Undone
from connector.records import Window

BACKFILL = "backfill"


@dataclass(slots=True)
class Progress:
    """How far a run is: what it has counted by outcome, and of a past period the share that was read, 0 to 1."""

    counts: Counter[str] = field(default_factory=Counter)
    read: float | None = None


@dataclass(slots=True, eq=False)
class Running:
    """A run that is under way in this process; `stopped` says that a person has stopped it."""

    id: int
    installation_id: str
    cause: str
    task: asyncio.Task[Counter[str]]
    progress: Progress = field(default_factory=Progress)
    stopped: bool = False


@dataclass(slots=True)
class Undoing:
    """The taking back of a run: `undone` once it has ended, `problem` where it could not be begun."""

    undone: Undone | None = None
    problem: str = ""

    @property
    def is_under_way(self) -> bool:
        """Whether it has not ended yet."""
        return self.undone is None and not self.problem


def cause_of(window: Window) -> str:
    """The cause that the backfill of a period is written down with."""
    since, until = (at.astimezone(UTC).strftime("%Y-%m-%dT%H:%MZ") for at in (window.since, window.until))
    return f"{BACKFILL} {since} {until}"


def period_of(cause: str) -> Window | None:
    """The period of a backfill by its cause; None for every other run."""
    try:
        kind, since, until = cause.split(" ")
        window = Window(datetime.fromisoformat(since), datetime.fromisoformat(until))
    except ValueError:
        return None
    return window if kind == BACKFILL else None
