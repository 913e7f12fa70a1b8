"""What was read or said a moment ago."""

from __future__ import annotations

from collections import OrderedDict
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from connector.clock import Clock

_MOST = 1000

Key = TypeVar("Key")
Value = TypeVar("Value")


class Recent(Generic[Key, Value]):
    """Values by key, each kept for a while; of too many the oldest go first."""

    def __init__(self, clock: Clock, kept_for: timedelta, most: int = _MOST) -> None:
        """Know nothing yet."""
        self._clock, self._kept_for, self._most = clock, kept_for, most
        self._kept: OrderedDict[Key, tuple[datetime, Value]] = OrderedDict()

    def get(self, key: Key) -> Value | None:
        """What was kept, unless it is too old."""
        kept = self._kept.get(key)
        return kept[1] if kept is not None and self._is_fresh(kept[0]) else None

    def keep(self, key: Key, value: Value) -> Value:
        """Keep a value from now on; answers it."""
        self._kept[key] = (self._clock.now(), value)
        self._kept.move_to_end(key)
        while len(self._kept) > self._most or not self._is_fresh(next(iter(self._kept.values()))[0]):
            self._kept.popitem(last=False)
        return value

    def _is_fresh(self, at: datetime) -> bool:
        # A clock that was set back makes nothing fresh again.
        return timedelta() <= self._clock.now() - at < self._kept_for
