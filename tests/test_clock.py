import asyncio
import time
from datetime import UTC, datetime, timedelta

from connector.clock import Clock


def test_now_is_aware_utc_and_ahead_by_the_offset() -> None:
    assert Clock().now().tzinfo is UTC
    ahead = Clock(timedelta(days=2)).now() - datetime.now(UTC)
    assert timedelta(days=2) - timedelta(seconds=1) < ahead <= timedelta(days=2)


async def test_moving_the_clock_past_it_ends_a_sleep() -> None:
    clock, began = Clock(), time.perf_counter()
    sleeping = [asyncio.create_task(clock.sleep(seconds)) for seconds in (3600, 1800)]
    await asyncio.sleep(0.01)
    clock.move_to(timedelta(hours=2))
    await asyncio.gather(*sleeping)
    assert time.perf_counter() - began < 60


async def test_moving_the_clock_a_little_does_not_end_a_long_sleep() -> None:
    clock = Clock()
    sleeping = asyncio.create_task(clock.sleep(3600))
    for minutes in (1, 30, -30):
        clock.move_to(timedelta(minutes=minutes))
        await asyncio.sleep(0.01)
        assert not sleeping.done()
    sleeping.cancel()


async def test_a_short_sleep_is_as_long_as_it_says() -> None:
    clock, began = Clock(), time.perf_counter()
    await clock.sleep(0.03)
    assert 0.02 < time.perf_counter() - began < 60
    await clock.sleep(0)
    await clock.sleep(-5)


async def test_listeners_hear_of_each_move() -> None:
    clock, heard = Clock(), list[timedelta]()
    clock.on_move(lambda: heard.append(clock.offset))
    clock.move_to(timedelta(hours=1))
    clock.move_to(timedelta())
    assert heard == [timedelta(hours=1), timedelta()]
