"""What was read a moment ago is taken as it was, for a while and in a bounded number."""

from __future__ import annotations

from datetime import timedelta

from connector.clock import Clock
from connector.web.recent import Recent

MINUTE = timedelta(minutes=1)


def test_a_value_is_kept_for_its_time_and_no_longer() -> None:
    clock = Clock()
    recent: Recent[str, int] = Recent(clock, MINUTE)
    assert (recent.get("a"), recent.keep("a", 1), recent.get("a")) == (None, 1, 1)
    clock.move_to(MINUTE / 2)
    recent.keep("b", 2)
    assert recent.get("a") == 1
    clock.move_to(MINUTE)
    assert (recent.get("a"), recent.get("b")) == (None, 2)


def test_of_too_many_the_oldest_go_first() -> None:
    recent: Recent[str, int] = Recent(Clock(), MINUTE, most=2)
    for key in ("a", "b", "a", "c"):
        recent.keep(key, 0)
    assert [key for key in ("a", "b", "c") if recent.get(key) is not None] == ["a", "c"]


def test_what_was_kept_before_the_clock_was_set_back_is_not_trusted() -> None:
    clock = Clock(timedelta(days=1))
    recent: Recent[str, int] = Recent(clock, MINUTE)
    recent.keep("a", 1)
    clock.move_to(timedelta())
    assert recent.get("a") is None
    assert recent.keep("b", 2) == recent.get("b") == 2
