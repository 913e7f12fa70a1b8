"""Both simulators, a connector opened on them, and one that serves."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from connector.app import Service
from tests.bad_days.days import empty_database
from tests.flows.contacts import background
from tests.flows.looking import HastyClock
from tests.serving import Served, served
from tests.world import World, open_world

HISTORIES = "test_histories.py"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Wait for the histories last: they are played while the others run."""
    items.sort(key=lambda item: item.path.name == HISTORIES)


def pytest_runtest_setup(item: pytest.Item) -> None:
    busy = any(part in background.BUSY for part in item.path.parts)
    if not busy and item.session.items[-1].path.name == HISTORIES:
        background.begin()


def pytest_sessionfinish() -> None:
    background.end()


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with open_world(tmp_path, pipedrive_timeout=5.0, thulium_timeout=5.0) as world:
        shutil.copy(empty_database(), world.database)
        yield world


@pytest.fixture
async def service(world: World) -> AsyncIterator[Service]:
    async with world.connector(HastyClock()) as service:
        yield service


@pytest.fixture
async def open_(world: World) -> AsyncIterator[Served]:
    async with served(world, HastyClock()) as here:
        yield here
