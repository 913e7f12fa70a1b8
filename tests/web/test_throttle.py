from datetime import timedelta

from connector.clock import Clock
from connector.web import throttle
from connector.web.throttle import Throttle

ADDRESS = "192.0.2.1"


def spend(given: Throttle, address: str | None, times: int) -> list[int]:
    return [given.wait(address) for _ in range(times)]


def test_after_the_burst_an_address_waits_for_its_next_token() -> None:
    clock = Clock()
    given = Throttle(clock, burst=3, per_minute=6)
    assert spend(given, ADDRESS, 3) == [0, 0, 0]
    assert given.wait(ADDRESS) == 10
    clock.move_to(timedelta(seconds=10))
    assert given.wait(ADDRESS) == 0
    assert given.wait(ADDRESS) > 0


def test_one_address_does_not_use_up_anothers_tokens() -> None:
    given = Throttle(Clock(), burst=1)
    assert spend(given, ADDRESS, 1) == [0]
    assert given.wait(ADDRESS) > 0
    assert given.wait("192.0.2.2") == 0


def test_all_together_have_a_limit_too() -> None:
    given = Throttle(Clock(), burst=5, all_burst=7)
    waits = [given.wait(f"192.0.2.{n}") for n in range(10)]
    assert waits[:7] == [0] * 7
    assert all(wait > 0 for wait in waits[7:])


def test_a_whole_ipv6_network_is_one_caller() -> None:
    given = Throttle(Clock(), burst=1)
    assert given.wait("2001:db8::1") == 0
    assert given.wait("2001:db8::ffff:2") > 0
    assert given.wait("2001:db8:0:1::1") == 0
    assert given.wait("::ffff:192.0.2.9") == 0
    assert given.wait("192.0.2.9") > 0


def test_callers_without_an_address_share_one_bucket() -> None:
    given = Throttle(Clock(), burst=1)
    assert given.wait(None) == 0
    assert given.wait("unknown") > 0


def test_a_clock_set_back_neither_fills_nor_locks_a_bucket() -> None:
    clock = Clock(timedelta(hours=1))
    given = Throttle(clock, burst=1, per_minute=60)
    assert given.wait(ADDRESS) == 0
    clock.move_to(timedelta())
    assert given.wait(ADDRESS) == 1
    clock.move_to(timedelta(seconds=2))
    assert given.wait(ADDRESS) == 0


def test_memory_is_bounded_however_many_addresses_call() -> None:
    given = Throttle(Clock(), all_burst=10**6)
    for n in range(throttle.MOST_ADDRESSES + 100):
        given.wait(f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}")
    assert len(given._by_address) == throttle.MOST_ADDRESSES
