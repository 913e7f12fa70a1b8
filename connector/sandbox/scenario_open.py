"""Both simulators on loopback, with the cast of the scripted day loaded."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import UTC, date, datetime, timedelta

from aiohttp import ClientSession, CookieJar, web
from aiohttp.typedefs import Middleware

from connector.sandbox.faults import Faults
from connector.sandbox.pipedrive.app import FAULTS
from connector.sandbox.pipedrive.app import create_app as create_pipedrive
from connector.sandbox.pipedrive.config import Config as PipedriveConfig
from connector.sandbox.scenario import ZONE, Day
from connector.sandbox.scenario_cast import BRANCHES
from connector.sandbox.thulium.app import Config as ThuliumConfig
from connector.sandbox.thulium.app import create_app as create_thulium

CONTACT_CENTRE = ThuliumConfig(systems=tuple(branch.system for branch in BRANCHES))
# The pauses before a webhook is tried again are a hundredth of the vendor's: time is moved faster still.
PIPEDRIVE = PipedriveConfig(hook_time_scale=0.01)


@asynccontextmanager
async def open_simulators(
    ports: tuple[int, int], middlewares: Sequence[Middleware] = ()
) -> AsyncIterator[tuple[Day, Faults]]:
    """Start Pipedrive and the contact centre; gives the day, and the faults of Pipedrive.

    `middlewares` see all that reaches Pipedrive. A port of 0, or one that is in use, means any.
    """
    crm, centre = create_pipedrive(PIPEDRIVE, middlewares), create_thulium(CONTACT_CENTRE)
    async with AsyncExitStack() as stack:
        pipedrive = await stack.enter_async_context(_listening(crm, ports[0]))
        thulium = await stack.enter_async_context(_listening(centre, ports[1]))
        http = await stack.enter_async_context(ClientSession(cookie_jar=CookieJar(unsafe=True)))
        day = Day(http, pipedrive, thulium, _working_day())
        # What was there before the day is older than what happens in it.
        await day.stage.move(day.opens - timedelta(hours=1))
        await day.stage.prepare()
        await day.stage.move(datetime.now(UTC))
        yield day, crm[FAULTS]


def free_port(wanted: int) -> int:
    """`wanted` if it is free on loopback, else another one."""
    for port in (wanted, 0):
        with socket.socket() as probe, suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            return int(probe.getsockname()[1])
    raise RuntimeError("there is no free port on 127.0.0.1")


@asynccontextmanager
async def _listening(app: web.Application, port: int) -> AsyncIterator[str]:
    runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=0.5)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", free_port(port)).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def _working_day() -> date:
    """The last working day so long ago that the whole next day is past too, for all that comes due after a day."""
    day = datetime.now(ZONE).date() - timedelta(days=2)
    while day.weekday() >= 5:
        day -= timedelta(days=1)
    return day
