"""Which lines are open, and what waits on them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable

import pytest

from connector.realtime.hub import MOST_LINES_OF_AGENT, MOST_WAITING, Full, Hub, Line, TooMany
from connector.realtime.protocol import Ping, write

ANNA, MAREK = "thulium:demo/anna", "thulium:demo/marek"
PING = write(Ping())


@pytest.fixture
def hub() -> Hub:
    return Hub(10)


def said(line: Line) -> list[dict[str, object]]:
    return [json.loads(message) for message in line.waiting]


def test_an_agent_is_told_on_all_his_lines_and_nobody_else_is(hub: Hub) -> None:
    mine = [hub.open("7", ANNA, f"d{n}") for n in range(2)]
    others = [hub.open("7", MAREK, "d2"), hub.open("8", ANNA, "d3")]
    assert hub.tell("7", ANNA, Ping())
    assert [said(line) for line in mine] == [[{"type": "ping"}]] * 2
    assert [said(line) for line in others] == [[], []]


def test_who_has_no_line_is_not_told(hub: Hub) -> None:
    hub.close(hub.open("7", ANNA, "d1"))
    assert not hub.tell("7", ANNA, Ping())
    assert not hub.open("7", ANNA, "d1").waiting


def test_an_agent_has_no_more_lines_than_that(hub: Hub) -> None:
    lines = [hub.open("7", ANNA, "d1") for _ in range(MOST_LINES_OF_AGENT)]
    with pytest.raises(TooMany):
        hub.open("7", ANNA, "d1")
    hub.open("7", MAREK, "d2")
    hub.close(lines[0])
    hub.open("7", ANNA, "d1")


def test_all_together_have_no_more_lines_than_that(hub: Hub) -> None:
    lines = [hub.open("7", f"thulium:demo/{n}", "d1") for n in range(10)]
    with pytest.raises(Full):
        hub.open("7", ANNA, "d1")
    hub.close(lines[3])
    hub.close(lines[3])
    hub.open("7", ANNA, "d1")
    with pytest.raises(Full):
        hub.open("7", ANNA, "d1")
    assert hub.open_lines() == {"7": 10}


def test_who_does_not_take_what_waits_loses_the_line(hub: Hub) -> None:
    line = hub.open("7", ANNA, "d1")
    for _ in range(MOST_WAITING):
        hub.tell("7", ANNA, Ping())
    assert not line.is_over
    hub.tell("7", ANNA, Ping())
    assert line.is_over
    assert line.fell_behind
    hub.tell("7", ANNA, Ping())
    line.end("restart")
    assert not line.waiting
    assert line.farewell is None


@pytest.mark.parametrize(
    ("end", "reason"),
    [(lambda hub: hub.end("d1"), "revoked"), (lambda hub: hub.end_all("7"), "revoked"), (Hub.stop, "restart")],
)  # fmt: skip
def test_a_farewell_comes_after_what_waits_and_nothing_after_it(
    hub: Hub, end: Callable[[Hub], None], reason: str
) -> None:
    line = hub.open("7", ANNA, "d1")
    hub.tell("7", ANNA, Ping())
    end(hub)
    end(hub)
    hub.tell("7", ANNA, Ping())
    assert said(line) == [{"type": "ping"}, {"type": "bye", "reason": reason}]


def test_others_keep_their_lines_when_one_is_revoked(hub: Hub) -> None:
    other, elsewhere = hub.open("7", ANNA, "d2"), hub.open("8", MAREK, "d3")
    hub.open("7", ANNA, "d1")
    hub.end("d1")
    assert not other.is_over
    hub.end_all("7")
    assert other.is_over
    assert not elsewhere.is_over


def test_nobody_comes_in_once_the_service_stops(hub: Hub) -> None:
    hub.stop()
    with pytest.raises(Full):
        hub.open("7", ANNA, "d1")


async def test_whoever_waits_is_woken_by_a_message(hub: Hub) -> None:
    line = hub.open("7", ANNA, "d1")
    waiting = [asyncio.create_task(line.wait(60)) for _ in range(2)]
    await asyncio.sleep(0)
    hub.tell("7", ANNA, Ping())
    async with asyncio.timeout(5):
        await asyncio.gather(*waiting)
    line.took(1)
    assert (line.told, list(line.waiting)) == (1, [])
    await line.wait(0.001)


def test_a_greeting_comes_before_what_was_put_meanwhile(hub: Hub) -> None:
    line = hub.open("7", ANNA, "d1")
    hub.tell("7", ANNA, Ping())
    line.begin(b"hello", b"calls")
    assert list(line.waiting) == [b"hello", b"calls", PING]


def test_two_hubs_are_told_apart() -> None:
    assert Hub(1).server != Hub(1).server
