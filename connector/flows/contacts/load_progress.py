"""What is known of a first load that is under way in this process, beside what is written down of it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(slots=True, eq=False)
class AtWork:
    """A load being counted or written; once it has ended, `trouble` is why it could not be, if it could not.

    `doing` and `counts` are what it said last. `anew` says that its preview held no more: what was counted instead waits
    for a person to look at it.
    """

    writes: bool
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    doing: str = ""
    counts: Mapping[str, int] = field(default_factory=dict)
    ended: bool = False
    trouble: str = ""
    anew: bool = False

    def say(self, facts: Mapping[str, object]) -> None:
        """Take in how far it is."""
        self.doing = str(facts.get("doing", ""))
        self.counts = {name: number for name, number in facts.items() if isinstance(number, int)}
