"""An agent at our pages while calls fail: whatever he reads must be a sentence, and lead on."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, field

from tests.flows.deals.counter import Counter
from tests.web.agents import Agent, Shown

_THERE = (
    "This ticket has its deal in Pipedrive",
    "The deal is in Pipedrive",
    # A form of its own asks, and the agent sees that it is the very deal.
    "A deal of this title was made a few minutes ago.",
)
_NOT_LET_IN = ("does not let the connector in", "no longer accepts the connector")
#: A form, a page that follows by itself, a way to try again, or the way to a new form.
_WAYS_ON = ("<select", "data-again=", "Try again</a>", '/new-deal">')


@dataclass
class Reader:
    """At the page with the form at `start`, wanting one deal of this title."""

    counter: Counter
    agent: Agent
    start: str
    title: str
    at: str = ""
    puzzles: list[str] = field(default_factory=list)

    async def press(self) -> bool:
        """Load the page, press twice at once what it offers, or go on as it says; whether it says the deal is there."""
        shown = self._read(await self.agent.open(self.at or self.start))
        if "<select" in shown.page and not self._is_there(shown):
            form = shown.fields | {"title": self.title}
            both = await asyncio.gather(*(self.agent.press(self.start, form) for _ in range(2)))
            shown = next((one for one in both if self._is_there(one)), both[0])
            for one in both:
                self._read(one)
        # A page that follows is stayed at; from any other the agent goes back to the form.
        self.at = shown.path if "data-again=" in shown.page else ""
        if any(words in shown.text for words in _NOT_LET_IN):
            await self.counter.day.reconnect(self.counter.service)
        return self._is_there(shown)

    @staticmethod
    def _is_there(shown: Shown) -> bool:
        return any(words in shown.text for words in _THERE)

    def _read(self, shown: Shown) -> Shown:
        """Note a page that says nothing an agent understands, or from which he cannot go on."""
        heading = re.search(r"<h1[^>]*>\s*[^<\s]", shown.page)
        leads_on = self._is_there(shown) or any(way in shown.page for way in _WAYS_ON)
        if shown.status not in (200, 422, 503) or heading is None or not leads_on:
            self.puzzles.append(f"{shown.status} at {shown.path}: {shown.text[:200]}")
        return shown
