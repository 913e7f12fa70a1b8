"""Rows of the vendor's examples, and the clock on the wall they are told by."""

from __future__ import annotations

from connector.centres.thulium import wire
from connector.centres.thulium.wallclock import WallClock
from connector.centres.thulium.wire import Row
from tests.centres.simulated import WARSAW, fixture

WALL = WallClock(WARSAW)


def rows(name: str) -> list[Row]:
    return wire.read_page(fixture(name)).rows


def row(name: str) -> Row:
    found = wire.read_record(fixture(name))
    assert found is not None
    return found
