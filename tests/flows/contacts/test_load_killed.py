"""A load dies by SIGKILL wherever it is, again and again: nobody is made twice, nobody is lost, nothing written twice."""

from __future__ import annotations

import asyncio
import json
import os
import random
import re
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.flows.contacts.pairs import ON
from tests.world import KEY, World, ago, install

WAITS: dict[str, object] = {
    "lease": 0.4, "first_look": 0.3, "look_gap": 0.1, "retry_waits": (0.02,), "pipedrive_timeout": 5.0,
    "thulium_timeout": 5.0, "thulium_requests_per_second": 0, "log_level": "ERROR",
}  # fmt: skip
RECORDS = 60
KILLS = 2


@dataclass
class Loads:
    """Loads in processes of their own, one after the other."""

    world: World
    source: str
    log: Path
    zygote: asyncio.subprocess.Process
    pid: int = 0

    def environment(self) -> dict[str, str]:
        settings = self.world.settings(**WAITS)
        given: dict[str, str] = {}
        for name, value in settings.model_dump(mode="json").items():
            listed = isinstance(value, list | tuple)
            given[f"CONNECTOR_{name.upper()}"] = ",".join(map(str, value)) if listed else str(value)
        given |= {"CONNECTOR_SECRET_KEYS": KEY, "CONNECTOR_PIPEDRIVE_CLIENT_SECRET": "demo-secret"}
        kept = {name: value for name, value in os.environ.items() if not name.startswith("CONNECTOR_")}
        return kept | given

    async def start(self) -> asyncio.Task[int]:
        """Fork a load; the answer is its exit status in the end."""
        into, out = self.zygote.stdin, self.zygote.stdout
        assert into is not None
        assert out is not None
        verb = ["load", "--from", self.source]
        order = {"environment": self.environment(), "log": str(self.log), "verb": verb}
        into.write(json.dumps(order).encode() + b"\n")
        self.pid = int(await out.readline())

        async def status() -> int:
            return int(await out.readline())

        return asyncio.create_task(status())

    async def writes(self) -> list[tuple[str, str]]:
        """Every write that reached either side: what it was, and what it named."""
        return [
            (call["method"], f"{side} {call['path']}")
            for side in ("pipedrive", "thulium")
            for call in await self.world.calls(side)
            if call["method"] != "GET" and "Fields" not in call["path"]
        ]

    async def one_life(self, chance: random.Random) -> bool:
        """Let a load write a little, kill it, and answer whether it was still alive then."""
        wanted = len(await self.writes()) + chance.randint(1, RECORDS // 3)
        ended = await self.start()
        while not ended.done() and len(await self.writes()) < wanted:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        await asyncio.sleep(chance.uniform(0, 0.03))
        if not ended.done():
            os.kill(self.pid, signal.SIGKILL)
        return await ended == -signal.SIGKILL

    async def told_to_stop(self) -> tuple[int, dict[str, Any]]:
        """Let a load write a little, then stop it as operators do; gives its status and what it said."""
        before = len(await self.writes())
        self.log = self.log.with_name("stopped.log")
        ended = await self.start()
        while not ended.done() and len(await self.writes()) == before:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        os.kill(self.pid, signal.SIGTERM)
        return await ended, self._said()

    async def last_life(self) -> dict[str, Any]:
        self.log = self.log.with_name("last.log")
        status = await (await self.start())
        assert status == 0, self.log.read_text()[-2000:]
        return self._said()

    def _said(self) -> dict[str, Any]:
        told = self.log.read_text()
        begins = re.search(r"^{", told, re.MULTILINE)
        assert begins is not None, told[-2000:]
        answer: dict[str, Any] = json.loads(told[begins.start() :])
        return answer


@asynccontextmanager
async def open_loads(world: World, source: str, folder: Path) -> AsyncIterator[Loads]:
    pipe = asyncio.subprocess.PIPE
    zygote = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.bad_days.zygote"), stdin=pipe, stdout=pipe
    )
    try:
        yield Loads(world, source, folder / "load.log", zygote)
    finally:
        zygote.kill()
        await zygote.wait()


@pytest.mark.parametrize("source", ["centre", "pipedrive"])
async def test_a_load_that_is_killed_again_and_again_writes_everybody_once(
    world: World, tmp_path: Path, source: str
) -> None:
    async with world.connector() as service:
        await install(service, since=ago(hours=1), contacts=ON)
    await _seed(world, source)
    for side, path in (("pipedrive", "^/api/v2/persons"), ("thulium", "api/(batch/)?customers")):
        await world.fault(side, "delay", path=path, times=None, seconds=0.02)
    chance = random.Random(source)
    async with open_loads(world, source, tmp_path) as loads:
        kills = sum([await loads.one_life(chance) for _ in range(KILLS)])
        ended = await loads.last_life()
        written = Counter(await loads.writes())
    assert kills >= KILLS // 2, "the loads were not killed"
    assert ended["state"] == "finished"
    people = [one for one in await world.records("person") if not one["is_deleted"]]
    cards = [one for one in await world.cards() if not one["company_flag"]]
    addresses = Counter(entry["value"] for one in people for entry in one["emails"])
    assert addresses == Counter(f"jan{n}@example.com" for n in range(RECORDS))
    assert Counter(email for card in cards for email in card["emails"]) == addresses
    patched = {what: number for what, number in written.items() if what[0] == "PATCH" and number > 1}
    assert not patched, "an update was written twice"


async def test_a_load_that_is_told_to_stop_leaves_nothing_in_doubt(world: World, tmp_path: Path) -> None:
    async with world.connector() as service:
        tenant = await install(service, since=ago(hours=1), contacts=ON)
        await _seed(world, "centre")
        await world.fault("pipedrive", "delay", path="^/api/v2/persons", times=None, seconds=0.02)
        async with open_loads(world, "centre", tmp_path) as loads:
            status, said = await loads.told_to_stop()
        assert (status, said["state"], said["reason"]) == (1, "paused", "it was stopped")
        in_doubt = [await tenant.loads.next_due(said["load"], entity) for entity in ("company", "customer")]
    assert in_doubt == [None, None]
    people = [one for one in await world.records("person") if not one["is_deleted"]]
    assert said["done"].get("made", 0) == len(people) - RECORDS // 3


async def _seed(world: World, source: str) -> None:
    people = [
        {"name": f"Jan Próba-{n}", "phones": [f"+48601000{n:03}"], "emails": [f"jan{n}@example.com"]}
        for n in range(RECORDS)
    ]
    cards = [
        {"name": "Jan", "surname": f"Próba-{n}", "phone_number": [f"601000{n:03}"], "email": [f"jan{n}@example.com"]}
        for n in range(RECORDS)
    ]  # fmt: skip
    # A third of them are on both sides already.
    known = RECORDS // 3
    await world.seed_pipedrive(persons=people[:known] if source == "centre" else people)
    await world.seed_centre(customers=cards if source == "centre" else cards[:known])
