"""The real service, killed again and again while events keep happening, and what the simulators say afterwards."""

from __future__ import annotations

import asyncio
import json
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
    "sync_interval": 0.25, "sync_jitter": 0, "pipedrive_timeout": 10.0, "thulium_timeout": 10.0,
    "thulium_requests_per_second": 0, "log_level": "ERROR",
}  # fmt: skip
PEOPLE = [{"name": f"Osoba {n}", "phones": [f"+48 601 000 {n:03}"]} for n in range(20)]
POSTS = {"method": "POST", "path": "^/api/v2/activities$"}


#: Every so many lives begin with a fresh interpreter; the others are forked from one that has imported everything.
WHOLE_STARTS = 5


@dataclass
class Life:
    """A process that serves, and its exit status once it has one."""

    pid: int
    ended: asyncio.Task[int]

    def send(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)


def _own_port() -> int:
    """A free port below those of outgoing connections, of which one could take it before the service listens."""
    for port in random.sample(range(20_000, 32_000), 100):
        with suppress(OSError), create_server(("127.0.0.1", port)):
            return port
    raise AssertionError("no port is free")


@dataclass
class Branch:
    """One company whose service does not live long."""

    day: Day
    chance: random.Random
    log: Path
    zygote: asyncio.subprocess.Process
    kills: int = 0
    kills_in_the_gap: int = 0
    _seen: set[tuple[int, int]] = field(default_factory=set)
    _events: count[int] = field(default_factory=count)

    def environment(self) -> dict[str, str]:
        """The settings of the service, as an operator would give them."""
        listen = f"127.0.0.1:{_own_port()}"
        settings = self.day.world.settings(**WAITS, listen=listen, clock_control=True)
        given: dict[str, str] = {}
        for name, value in settings.model_dump(mode="json").items():
            listed = isinstance(value, list | tuple)
            given[f"CONNECTOR_{name.upper()}"] = ",".join(map(str, value)) if listed else str(value)
        given |= {"CONNECTOR_SECRET_KEYS": KEY, "CONNECTOR_PIPEDRIVE_CLIENT_SECRET": "demo-secret"}
        # A start takes twice as long where Python may not keep what it compiled.
        left_out = ("CONNECTOR_", "PYTHONDONTWRITEBYTECODE")
        return {name: value for name, value in os.environ.items() if not name.startswith(left_out)} | given

    @asynccontextmanager
    async def service(self, *, whole: bool) -> AsyncIterator[Life]:
        """A serving process: with its own interpreter, or forked from one that has imported everything."""
        life = await (self._started() if whole else self._forked())
        try:
            yield life
        finally:
            with suppress(ProcessLookupError):
                life.send(signal.SIGKILL)
            await life.ended

    async def _started(self) -> Life:
        with self.log.open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "connector", "serve"), env=self.environment(), stdout=log, stderr=log
            )
        return Life(process.pid, asyncio.create_task(process.wait()))

    async def _forked(self) -> Life:
        into, out = self.zygote.stdin, self.zygote.stdout
        assert into is not None
        assert out is not None
        into.write(json.dumps({"environment": self.environment(), "log": str(self.log)}).encode() + b"\n")
        pid = int(await out.readline())

        async def status() -> int:
            return int(await out.readline())

        return Life(pid, asyncio.create_task(status()))

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
        async with self.service(whole=self.kills % WHOLE_STARTS == 0) as life:
            if self.chance.random() < 0.25:
                await asyncio.sleep(self.chance.uniform(0, 1))
            else:
                await self._first_send(life)
                await asyncio.sleep(self.chance.uniform(0, 0.12))
            assert not life.ended.done(), "the service ended by itself"
            life.send(signal.SIGKILL)
            assert await life.ended == -signal.SIGKILL
        self.kills += 1
        sending = self.sending()
        self.kills_in_the_gap += bool(sending - self._seen)
        self._seen |= sending

    async def _first_send(self, life: Life) -> None:
        log = self.day.faults("pipedrive").log
        begin = log[-1].n if log else 0
        async with asyncio.timeout(120):
            while not life.ended.done():
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

    async def last_life(self) -> int:
        """Run in peace until nothing is in doubt, then end as operators end a service; gives its status."""
        self.day.mend()
        async with self.service(whole=True) as life:
            async with asyncio.timeout(120):
                while self.events() < len(self.day.names()) or self.in_doubt():
                    assert not life.ended.done(), "the service ended by itself"
                    await asyncio.sleep(0.1)
            life.send(signal.SIGTERM)
            async with asyncio.timeout(60):
                return await life.ended


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
        pipe = asyncio.subprocess.PIPE
        zygote = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.bad_days.zygote"), stdin=pipe, stdout=pipe
        )
        try:
            yield Branch(day, random.Random(seed), folder / "service.log", zygote)
        finally:
            zygote.kill()
            await zygote.wait()
