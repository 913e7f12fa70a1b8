"""Both simulators, a connector opened on them, and one that serves."""

from __future__ import annotations

import gc
import shutil
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest
from hypothesis import settings

from connector.app import Service
from connector.logs import set_up
from tests.bad_days.days import empty_database
from tests.contract.checker import Checker
from tests.flows.looking import HastyClock
from tests.serving import Served, served
from tests.world import World, open_world

# As the product logs; structlog's own way draws each traceback with all its variables, which takes a second.
set_up("text", "DEBUG")

# Another process may have the core while an example runs.
settings.register_profile("patient", settings(), deadline=None)
settings.load_profile("patient")

#: Begun first, lest a process be busy with one of them when the others have ended.
LONGEST = (
    "test_histories.py", "test_every_call.py", "test_every_fault.py", "test_killed.py", "test_states.py", "test_console.py",
    "test_a_day.py",
)  # fmt: skip


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the longest, and spread what has a browser over the rest: two at once keep each other waiting."""
    files = dict.fromkeys(item.path for item in items)
    with_browser = [path for path in files if "browser" in path.parts]
    without = [path for path in files if "browser" not in path.parts]
    # None begins when the others are about to end.
    place = {path: 0.8 * number / len(with_browser) for number, path in enumerate(with_browser)}
    place |= {path: number / len(without) for number, path in enumerate(without)}
    longest = {name: number for number, name in enumerate(LONGEST)}
    items.sort(key=lambda item: (longest.get(item.path.name, len(LONGEST)), place[item.path]))


def pytest_collection_finish() -> None:
    """What was imported and collected stays: it need not be looked through for garbage again and again."""
    gc.collect()
    gc.freeze()


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A process that had a share of the tests tells which exceptions from the vendor's contract they needed."""
    if (told := getattr(session.config, "workeroutput", None)) is not None:
        told["exceptions needed"] = dict(Checker.used)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: object) -> None:
    told: Mapping[str, Mapping[str, int]] = getattr(node, "workeroutput", {})
    Checker.used.update(told.get("exceptions needed", {}))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Name the exceptions that nothing needed: candidates for removal, when the whole suite was run."""
    if Checker.used and (unused := Checker.unused()):
        terminalreporter.write_line(f"contract exceptions not needed: {', '.join(unused)}")


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
