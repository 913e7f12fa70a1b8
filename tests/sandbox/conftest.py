"""A simulated Pipedrive on a real socket, and a small client to talk to it."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack

import pytest

from connector.sandbox.pipedrive.config import Config, demo_config
from tests.sandbox.pipedrive_client import Crm, running

Start = Callable[[Config], Awaitable[Crm]]


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    async with AsyncExitStack() as stack:

        async def begin(config: Config) -> Crm:
            return await stack.enter_async_context(running(config))

        yield begin


@pytest.fixture
async def crm(start: Start) -> Crm:
    """One company, an administrator (whose token is used) and two users, without records."""
    return await start(demo_config(hook_time_scale=0.001))
