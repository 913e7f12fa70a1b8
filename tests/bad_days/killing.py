"""The real service, killed again and again while events keep happening, and what the simulators say afterwards."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sqlite3
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from pathlib import Path
from socket import create_server

from tests.bad_days.days import Day, QuickClock, open_day
from tests.world import KEY

#: Short enough that a restarted service finds expired leases, looks twice, sends again and heals within a second.
WAITS: dict[str, object] = {
    "lease": 0.3, "first_look": 0.25, "look_gap": 0.1, "healing_looks": (0.3, 1.5), "retry_waits": (0.02,),
    "sync_interval": 0.25, "sync_jitter": 0, "pipedrive_timeout": 1.0, "thulium_timeout": 1.0,
    "thulium_requests_per_second": 0, "log_level": "ERROR",
}  # fmt: skip
PEOPLE = [{"name": f"Osoba {n}", "phones": [f"+48 601 000 {n:03}"]} for n in range(20)]
POSTS = {"method": "POST", "path": "^/api/v2/activities$"}


@dataclass
class Branch:
    """One company whose service does not live long."""

    day: Day
    chance: random.Random
    log: Path
    kills: int = 0
    kills_in_the_gap: int = 0
    _seen: set[tuple[int, int]] = field(default_factory=set)
    _events: count[int] = field(default_factory=count)

    def environment(self) -> dict[str, str]:
        """The settings of the service, as an operator would give them."""
        with create_server(("127.0.0.1", 0)) as free:
            listen = f"127.0.0.1:{free.getsockname()[1]}"
        settings = self.day.world.settings(**WAITS, listen=listen, clock_control=True)
        given: dict[str, str] = {}
        for name, value in settings.model_dump(mode="json").items():
            listed = isinstance(value, list | tuple)
            given[f"CONNECTOR_{name.upper()}"] = ",".join(map(str, value)) if listed else str(value)
        given |= {"CONNECTOR_SECRET_KEYS": KEY, "CONNECTOR_PIPEDRIVE_CLIENT_SECRET": "demo-secret"}
        # Compiled modules are kept beside the database: a start then takes half as long.
        given["PYTHONPYCACHEPREFIX"] = str(self.day.world.database.parent.parent / "compiled")
        left_out = ("CONNECTOR_", "PYTHONDONTWRITEBYTECODE")
        return {name: value for name, value in os.environ.items() if not name.startswith(left_out)} | given

    @asynccontextmanager
    async def service(self) -> AsyncIterator[asyncio.subprocess.Process]:
        with self.log.open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "connector", "serve"), env=self.environment(), stdout=log, stderr=log
            )
        try:
            yield process
        finally:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    def happen(self, number: int) -> None:
        """So many events at the contact centre, of every kind."""
        for n in (next(self._events) for _ in range(number)):
            person = PEOPLE[n % len(PEOPLE)]["phones"]
            at = (self.day.system.now() - timedelta(seconds=90)).isoformat()
            if n % 4:
                self.day.happen("call", number=str(person[0]), at=at, talk=20)
            else:
                self.day.happen("ticket", **{"from": str(person[0]), "body": f"Wiadomość {n}.", "at": at})

    async def one_life(self) -> None:
        """Start, let something happen, kill at a random moment, and count whether that fell into the gap."""
        self.happen(self.chance.randint(3, 6))
        async with self.service() as process:
            if self.chance.random() < 0.15:
                await asyncio.sleep(self.chance.uniform(0, 2.5))
            else:
                await self._first_send(process)
                await asyncio.sleep(self.chance.uniform(0, 0.12))
            process.send_signal(signal.SIGKILL)
            await process.wait()
        assert process.returncode == -signal.SIGKILL, "the service ended by itself"
        self.kills += 1
        sending = self.sending()
        self.kills_in_the_gap += bool(sending - self._seen)
        self._seen |= sending

    async def _first_send(self, process: asyncio.subprocess.Process) -> None:
        log = self.day.faults("pipedrive").log
        begin = log[-1].n if log else 0
        async with asyncio.timeout(30):
            while process.returncode is None:
                sent = (call for call in reversed(log) if call.n > begin and call.method == "POST")
                if any(call.target == "/api/v2/activities" for call in sent):
                    return
                await asyncio.sleep(0.005)

    def sending(self) -> set[tuple[int, int]]:
        """Claims with a lease that nobody has settled: entry and claim number."""
        query = "SELECT id, claim_no FROM ledger WHERE state = 'sending' AND lease_until IS NOT NULL AND reason = ''"
        return {(entry, number) for entry, number in self._ask(query)}

    def in_doubt(self) -> int:
        """Entries that something is still to be done about."""
        query = """SELECT count(*) FROM ledger WHERE state NOT IN ('done') OR heal_at IS NOT NULL"""
        return int(self._ask(query)[0][0])

    def events(self) -> int:
        return int(self._ask("SELECT count(*) FROM ledger")[0][0])

    def _ask(self, query: str) -> list[tuple[int, ...]]:
        connection = sqlite3.connect(self.day.world.database, timeout=10)
        try:
            return connection.execute(query).fetchall()
        finally:
            connection.close()

    async def last_life(self) -> int | None:
        """Run in peace until nothing is in doubt, then end as operators end a service."""
        self.day.mend()
        async with self.service() as process:
            async with asyncio.timeout(40):
                while self.events() < len(self.day.names()) or self.in_doubt():
                    assert process.returncode is None, "the service ended by itself"
                    await asyncio.sleep(0.1)
            process.terminate()
            async with asyncio.timeout(20):
                return await process.wait()


@asynccontextmanager
async def open_branch(folder: Path, seed: int) -> AsyncIterator[Branch]:
    """A branch that is installed and connected, in a Pipedrive that takes its time."""
    async with open_day(folder, waits=WAITS) as day:
        day.clock = QuickClock(1)
        await day.world.seed_pipedrive(persons=PEOPLE)
        async with day.connector() as service:
            await day.install(service, day.system.now() - timedelta(minutes=10))
        # Before the effect and after it: a kill falls as often between claim and effect as between effect and settlement.
        day.fault("pipedrive", kind="delay", seconds=0.06, times=None, **POSTS)
        yield Branch(day, random.Random(seed), folder / "service.log")
