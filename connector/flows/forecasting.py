"""How many of Pipedrive's tokens a day will have cost when it ends."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta

#: So many days before are what is usual.
_DAYS = 7
_DAY_S = 86_400
#: Earlier than this share of a day nothing can be told from what it has cost so far.
_EARLY = 0.2


def forecast(spent: int, now: datetime, before: Mapping[date, int]) -> int:
    """Tokens that the day of `now` will have cost, of which `spent` are gone; `before` are days before, in UTC.

    The rest of the day is taken to go on as days usually do, or as this one does where that is more.
    """
    now = now.astimezone(UTC)
    gone = timedelta(hours=now.hour, minutes=now.minute, seconds=now.second).total_seconds() / _DAY_S
    days = [before[day] for n in range(1, _DAYS + 1) if (day := now.date() - timedelta(days=n)) in before]
    usual = sum(days) / len(days) if days else 0.0
    so_far = spent / gone if gone >= _EARLY or (not days and gone > 0) else 0.0
    return spent + int((1 - gone) * max(usual, so_far))
