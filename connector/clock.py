"""The only source of now and of sleep, so that tests and the demo can move time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta


class Clock:
    """Real time plus an offset; moving the offset wakes whoever sleeps past its deadline."""

    def __init__(self, offset: timedelta = timedelta()) -> None:
        """Begin `offset` ahead of real time."""
        self._offset = offset
        self._sleepers: set[asyncio.Event] = set()
        self._listeners: list[Callable[[], None]] = []

    @property
    def offset(self) -> timedelta:
        """How far this clock is ahead of real time."""
        return self._offset

    def now(self) -> datetime:
        """The current time, aware UTC."""
        return datetime.now(UTC) + self._offset if self._offset else datetime.now(UTC)

    def move_to(self, offset: timedelta) -> None:
        """Set the offset and wake all sleepers, who look at the time again."""
        self._offset = offset
        for sleeper in self._sleepers:
            sleeper.set()
        for listener in self._listeners:
            listener()

    def on_move(self, listener: Callable[[], None]) -> None:
        """Have `listener` called each time the offset is set."""
        self._listeners.append(listener)

    async def sleep(self, seconds: float) -> None:
        """Sleep until this clock has advanced by `seconds`."""
        deadline = self.now() + timedelta(seconds=seconds)
        woken = asyncio.Event()
        self._sleepers.add(woken)
        try:
            while (left := (deadline - self.now()).total_seconds()) > 0:
                try:
                    async with asyncio.timeout(left):
                        await woken.wait()
                except TimeoutError:
                    continue
                woken.clear()
        finally:
            self._sleepers.discard(woken)
