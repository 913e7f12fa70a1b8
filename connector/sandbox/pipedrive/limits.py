"""Burst windows and the daily token budget.

Bursts are rolling windows of two seconds for each user and app; searches have a window of their own. A refused
request costs nothing. The day ends at midnight UTC (the vendor does not name its zone).
"""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field
from datetime import date
from math import ceil

from connector.sandbox.pipedrive.config import BURST_SECONDS


@dataclass(slots=True)
class Window:
    """The requests of the last two seconds."""

    limit: int
    at: deque[float] = field(default_factory=deque)

    def admit(self, now: float) -> bool:
        """Count a request at `now` (seconds), unless the window is full."""
        at = self.at
        while at and (at[0] <= now - BURST_SECONDS or at[0] > now):  # the second: the clock was set back
            at.popleft()
        if len(at) >= self.limit:
            return False
        at.append(now)
        return True

    def headers(self, now: float) -> dict[str, str]:
        """Tell what is left, as the vendor does; the reset is in seconds from now."""
        left = max(0, self.limit - len(self.at))
        reset = ceil(self.at[0] + BURST_SECONDS - now) if self.at else BURST_SECONDS
        return {
            "x-ratelimit-limit": str(self.limit),
            "x-ratelimit-remaining": str(left),
            "x-ratelimit-reset": str(max(1, reset)),
        }


@dataclass(slots=True)
class Meter:
    """Tokens that a company spent, by day and operation."""

    day: date = date.min
    spent: int = 0
    by_operation: Counter[str] = field(default_factory=Counter)
    requests: Counter[str] = field(default_factory=Counter)
    past: dict[date, int] = field(default_factory=dict)

    def turn(self, day: date) -> None:
        """Begin a new day when it is one."""
        if day != self.day:
            self.past[self.day] = self.spent
            self.day = day
            self.spent = 0
            self.by_operation.clear()
            self.requests.clear()

    def spend(self, operation: str, cost: int) -> None:
        """Count one request."""
        self.spent += cost
        self.by_operation[operation] += cost
        self.requests[operation] += 1
