"""The burst limit as Pipedrive announces it: so many requests in any two seconds of one token."""

from __future__ import annotations

from collections import deque
from math import isinf

SPAN = 2.005
# Until the first answer tells the limit: what the smallest plan allows a personal token.
SMALLEST_LIMIT = 20
POLL = 0.02


class Burst:
    """A rolling window that counts a request from its sending until two seconds after its answer.

    Pipedrive counts a request at some moment between the two, so its own count is never above ours.
    """

    def __init__(self, limit: int | None = None) -> None:
        """Keep to `limit`, or to what the answers announce."""
        self._announced: str | None = ""
        self._limit: float = limit or SMALLEST_LIMIT
        self._room: float = self._limit - 1
        self._in_flight = 0
        self._answered: deque[float] = deque()
        self._others = 0.0
        self._others_until = 0.0

    @property
    def pace(self) -> float | None:
        """Requests a second, once the limit was told; None where there is none."""
        return None if isinf(self._room) else self._room / SPAN

    def wait(self, now: float) -> float:
        """Seconds until a request may be sent; 0.0 if one may now. `now` is a timestamp."""
        answered = self._answered
        while answered and not now - SPAN < answered[0] <= now:
            answered.popleft()
        others = self._others if now < self._others_until else 0.0
        if self._in_flight + len(answered) < max(self._room - others, 1.0):
            return 0.0
        return max(answered[0] + SPAN - now, 0.001) if answered else POLL

    def enter(self) -> None:
        """Count a request that is about to be sent."""
        self._in_flight += 1

    def leave(self, now: float) -> None:
        """Count the request as answered."""
        self._in_flight -= 1
        self._answered.append(now)

    def announce(self, limit: str | None, remaining: str | None, now: float) -> None:
        """Take in what an answer says; as long as none named a limit there is none."""
        if limit is None:
            if self._announced == "":
                self._announced, self._limit, self._room = None, float("inf"), float("inf")
            return
        if limit != self._announced and limit.isdigit():
            self._announced = limit
            self._limit = int(limit)
            # A margin of one in fifty, for requests that our own count may miss.
            self._room = self._limit - max(1.0, self._limit // 50)
        if remaining is not None and remaining.isdigit():
            # What is missing beyond our own count was used by another process with the same token.
            others = self._limit - int(remaining) - self._in_flight - len(self._answered)
            if others > 0 or self._others:
                self._others, self._others_until = max(others, 0.0), now + SPAN
