"""A simulated Thulium on a real socket, and a clock that does not wait."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import aiohttp
from aiohttp.test_utils import TestServer

from connector.centres import CENTRES, Account, ContactCentre
from connector.clock import Clock
from connector.sandbox.faults import Call
from connector.sandbox.thulium.app import FAULTS, create_app
from connector.settings import Settings

FIXTURES = Path(__file__).parent.parent / "fixtures" / "thulium"
WARSAW = ZoneInfo("Europe/Warsaw")


def fixture(name: str) -> bytes:
    """A documented payload."""
    return (FIXTURES / name).read_bytes()


class ImpatientClock(Clock):
    """Sleeping moves the time on at once."""

    def __init__(self) -> None:
        super().__init__()
        self.slept: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.move_to(self.offset + timedelta(seconds=seconds))


class Simulated:
    """One simulated system and the contact centres that look at it."""

    def __init__(self, server: TestServer) -> None:
        self.server = server
        self.clock = ImpatientClock()
        self._centres: list[ContactCentre] = []

    @classmethod
    async def start(cls) -> Simulated:
        server = TestServer(create_app())
        await server.start_server()
        return cls(server)

    def settings(self, **values: object) -> Settings:
        host = f"{self.server.host}:{self.server.port}"
        given: dict[str, object] = {
            "thulium_url": f"http://{host}/{{system}}",
            "trusted_hosts": (host,),
            "thulium_requests_per_second": 0,
            **values,
        }
        return Settings.model_validate(given)

    def centre(
        self, *, user: str = "connector", password: str = "demo-password", **values: object
    ) -> ContactCentre:
        account = Account("demo", user, password, WARSAW)
        centre = CENTRES["thulium"](account, self.settings(**values), self.clock)
        self._centres.append(centre)
        return centre

    async def control(self, path: str, body: Mapping[str, object]) -> dict[str, object]:
        async with (
            aiohttp.ClientSession() as session,
            session.post(self.server.make_url(f"/_sandbox/{path}"), json=body) as answer,
        ):
            assert answer.status < 300, await answer.text()
            found: dict[str, object] = await answer.json()
            return found

    async def state(self) -> dict[str, object]:
        async with (
            aiohttp.ClientSession() as session,
            session.get(self.server.make_url("/_sandbox/state")) as answer,
        ):
            found: dict[str, object] = await answer.json()
            return found

    async def seed(self, **rows: object) -> dict[str, object]:
        return await self.control("seed", rows)

    async def happen(self, what: str, **values: object) -> dict[str, object]:
        return await self.control("happen", {"what": what, **values})

    async def switch(self, **switches: object) -> None:
        await self.control("switches", switches)

    async def fault(self, **rule: object) -> None:
        await self.control("faults", rule)

    def requests(self) -> list[Call]:
        return list(self.server.app[FAULTS].log)

    async def stop(self) -> None:
        for centre in self._centres:
            await centre.close()
        await self.server.close()
