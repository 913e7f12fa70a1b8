"""Reads that several wait for: each is made once and serves for a minute, in memory alone."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Hashable
from datetime import datetime, timedelta
from functools import partial
from typing import Generic, TypeVar

from connector.clock import Clock

KEPT_FOR = timedelta(minutes=1)
MOST_KEPT = 1024

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")


class Lately(Generic[K, T]):
    """What was read lately, or is being read. A read whose waiter gives up goes on, for the next one who asks."""

    def __init__(self, clock: Clock) -> None:
        """Take the time from `clock`."""
        self._clock = clock
        self._readings: OrderedDict[K, tuple[datetime, asyncio.Task[T]]] = OrderedDict()

    def __len__(self) -> int:
        """How many are kept."""
        return len(self._readings)

    async def get(self, key: K, read: Callable[[], Coroutine[object, None, T]]) -> T:
        """What was read under `key`, read now where that is longer ago; a failure is told and not kept."""
        # Shielded: a read may be renewing the token, which must not be cut short.
        return await asyncio.shield(self._reading(key, read))

    def _reading(self, key: K, read: Callable[[], Coroutine[object, None, T]]) -> asyncio.Task[T]:
        now = self._clock.now()
        while self._readings:
            oldest, (at, _) = next(iter(self._readings.items()))
            if timedelta() <= now - at < KEPT_FOR and len(self._readings) < MOST_KEPT:
                break
            del self._readings[oldest]
        if (kept := self._readings.get(key)) is not None:
            return kept[1]
        reading: asyncio.Task[T] = asyncio.create_task(read())
        self._readings[key] = now, reading
        reading.add_done_callback(partial(self._forget_failed, key))
        return reading

    def _forget_failed(self, key: K, reading: asyncio.Task[T]) -> None:
        failed = reading.cancelled() or reading.exception() is not None
        if failed and (kept := self._readings.get(key)) is not None and kept[1] is reading:
            del self._readings[key]

    async def close(self) -> None:
        """Break off what is being read and forget what was."""
        readings = [reading for _, reading in self._readings.values()]
        for reading in readings:
            reading.cancel()
        await asyncio.gather(*readings, return_exceptions=True)
        self._readings.clear()
