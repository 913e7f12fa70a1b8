"""Local times of the account into UTC and back into filters."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.centres.thulium.wallclock import WallClock
from connector.centres.thulium.wire import Malformed
from connector.records import Window
from tests.centres.simulated import WARSAW

MOMENTS = st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
ZONES = st.sampled_from(
    ["Europe/Warsaw", "Europe/London", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe"]
)


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2026-01-15 10:15", "2026-01-15T09:15:00+00:00"),
        ("2026-07-15 10:15", "2026-07-15T08:15:00+00:00"),
        ("2026-07-15 10:15:42", "2026-07-15T08:15:42+00:00"),
        ("2026-07-15 10:15:42.123", "2026-07-15T08:15:42.123000+00:00"),
        ("2026-07-15T10:15:42", "2026-07-15T08:15:42+00:00"),
        ("2026-07-15T10:15:42Z", "2026-07-15T10:15:42+00:00"),
        ("2026-07-15 10:15:42+02:00", "2026-07-15T08:15:42+00:00"),
        ("2026-10-25 02:30", "2026-10-25T00:30:00+00:00"),
        ("2026-03-29 02:30", "2026-03-29T01:30:00+00:00"),
    ],
    ids=["winter", "summer", "seconds", "fraction", "T", "Z", "offset", "repeated hour", "left out hour"],
)
def test_wall_clock_text_is_read_in_the_account_s_zone(text: str, utc: str) -> None:
    assert WallClock(WARSAW).utc(text) == datetime.fromisoformat(utc)


@pytest.mark.parametrize(
    "text", [None, "", "null", "2026-13-01 10:00", "0000-00-00 00:00", "2026-01-01", 5, "x" * 40]
)
def test_a_text_that_is_no_time_is_refused(text: object) -> None:
    with pytest.raises(Malformed):
        WallClock(WARSAW).utc(text)
    assert WallClock(WARSAW).utc_or_none(text) is None


@given(ZONES, MOMENTS, st.timedeltas(timedelta(seconds=1), timedelta(hours=3)), st.floats(0, 1))
def test_filters_take_in_every_event_of_a_window(
    zone_name: str, since: datetime, length: timedelta, place: float
) -> None:
    zone = ZoneInfo(zone_name)
    wall, window = WallClock(zone), Window(since, since + length)
    event = since + length * place
    shown = event.astimezone(zone).strftime("%Y-%m-%d %H:%M")
    if window.since <= wall.utc(shown) < window.until:
        date_from, date_to = wall.bounds(window)
        # Strictly inside: it does not matter whether the vendor includes its bounds.
        assert date_from < shown < date_to or date_from < shown <= date_to == shown


@given(
    ZONES, MOMENTS, st.lists(st.timedeltas(timedelta(seconds=1), timedelta(hours=2)), min_size=1, max_size=6)
)
def test_windows_side_by_side_take_each_event_once(
    zone_name: str, since: datetime, lengths: list[timedelta]
) -> None:
    zone = ZoneInfo(zone_name)
    wall = WallClock(zone)
    read = wall.utc(since.astimezone(zone).strftime("%Y-%m-%d %H:%M"))
    start = read - lengths[0] / 2
    windows = []
    for length in lengths:
        windows.append(Window(start, start + length))
        start += length
    assert sum(window.since <= read < window.until for window in windows) == 1
