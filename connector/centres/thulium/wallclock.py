"""Thulium's times: wall-clock text in the account's zone, read into UTC and written for filters.

The API names no zone and no offset. An hour that the autumn change repeats is read as its first turn (`fold=0`), so
its second turn appears an hour early but nothing is lost or counted twice; a time that the spring change leaves out
is moved forward.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from connector.centres.thulium.wire import Malformed
from connector.records import Window

_MINUTE = timedelta(minutes=1)
_HOUR = timedelta(hours=1)
_MOST_CACHED = 20_000


class WallClock:
    """Reads and writes times of one account; remembers the minutes it has seen."""

    def __init__(self, zone: ZoneInfo) -> None:
        """Read times as `zone`'s."""
        self._zone = zone
        self._minutes: dict[str, datetime] = {}

    def utc(self, value: object, name: str = "time") -> datetime:
        """Read `YYYY-MM-DD HH:MM`, with or without seconds and fractions; raises Malformed, with the field's `name`."""
        if type(value) is not str:
            raise Malformed(f"no readable {name}")
        minute = self._minutes.get(value[:16])
        if minute is None:
            minute = self._remember(value[:16], name)
        rest = value[16:]
        if not rest:
            return minute
        if rest[0] == ":" and rest[1:].replace(".", "", 1).isdecimal() and (seconds := float(rest[1:])) < 61:
            return minute + timedelta(seconds=seconds)
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            moment = minute.replace(tzinfo=None)
        if moment.tzinfo is None:
            raise Malformed(f"no readable {name}")
        # No page of the vendor shows an offset; should one come, it is believed.
        return moment.astimezone(UTC)

    def utc_or_none(self, value: object) -> datetime | None:
        """The same, where an empty or unreadable time only means that it is not known."""
        try:
            return self.utc(value)
        except Malformed:
            return None

    def _remember(self, minute: str, name: str) -> datetime:
        try:
            if len(minute) != 16 or minute[4] != "-" or minute[7] != "-" or minute[13] != ":":
                raise ValueError(minute)
            local = datetime(
                int(minute[:4]),
                int(minute[5:7]),
                int(minute[8:10]),
                int(minute[11:13]),
                int(minute[14:16]),
                tzinfo=self._zone,
            )
            read = local.astimezone(UTC)
        except (ValueError, OverflowError):
            raise Malformed(f"no readable {name}") from None
        if len(self._minutes) >= _MOST_CACHED:
            self._minutes.clear()
        self._minutes[minute] = read
        return read

    def bounds(self, window: Window) -> tuple[str, str]:
        """Filter texts (`date_from`, `date_to`) that take in the window, whether the vendor includes its bounds or not.

        Whole minutes, one to spare on both sides, and an hour more where a bound falls into a repeated hour.
        """
        since, until = self._local(window.since), self._local(window.until)
        lower = since.replace(second=0, microsecond=0, tzinfo=None) - _MINUTE
        upper = until.replace(second=0, microsecond=0, tzinfo=None) + _MINUTE
        if _repeats(since):
            lower -= _HOUR
        if _repeats(until):
            upper += _HOUR
        return f"{lower:%Y-%m-%d %H:%M}", f"{upper:%Y-%m-%d %H:%M}"

    def lower_bound(self, since: datetime) -> str:
        """The filter text that takes in everything from `since` on."""
        return self.bounds(Window(since, since))[0]

    def _local(self, moment: datetime) -> datetime:
        return moment.astimezone(self._zone)


def _repeats(local: datetime) -> bool:
    return local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset()
