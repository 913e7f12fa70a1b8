"""Both simulators, a connector opened on them, and one that serves."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from connector.app import Service
from tests.bad_days.days import empty_database
from tests.flows.looking import HastyClock
from tests.serving import Served, served
from tests.world import World, open_world


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
