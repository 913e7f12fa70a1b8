"""One installation at work for many days, each struck at another of its network calls by one kind of fault."""

from __future__ import annotations

import asyncio
import re
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

from aiohttp import web
from sqlalchemy import text

from connector.app import Service
from connector.errors import ConnectorError
from connector.flows.sync import sync
from connector.flows.tenant import Tenant
from connector.sandbox.pipedrive.app import WORLD
from tests.bad_days.days import SIDES, Day, open_day
from tests.world import listening

#: Real seconds the connector waits for an answer, and how long a call that times out is held.
TIMEOUT = 0.3
HELD = {"seconds": 0.35}

#: Every way in which a call can go wrong.
FAULTS: dict[str, dict[str, object]] = {
    "time-out before the effect": {"kind": "timeout_before", **HELD},
    "time-out after the effect": {"kind": "timeout_after", **HELD},
    "effect before it is looked for": {"kind": "late_effect", "hold_seconds": 0.01, "seconds": 0},
    "effect after it was sent again": {"kind": "late_effect", "hold_seconds": 0.01, "seconds": 3600},
    "reset before the effect": {"kind": "reset_before"},
    "reset after the effect": {"kind": "reset_after"},
    "burst limit": {"kind": "burst_429"},
    "daily limit": {"kind": "daily_429"},
    "token refused": {"kind": "unauthorised"},
    "page of the edge": {"kind": "html_403"},
    "empty body": {"kind": "empty_body"},
    "page instead of JSON": {"kind": "empty_body", "html": True},
    **{
        f"{status} {when} the effect, {form}": {
            "kind": f"status_{when}",
            "status": status,
            "html": form == "HTML",
        }
        for status in (500, 502, 504)
        for when in ("before", "after")
        for form in ("JSON", "HTML")
    },
}

#: Faults that make the whole company pause: a write that comes late has landed before it could be sent again.
LONG_PAUSES = ("daily_429", "html_403")

#: The product's own waits, but for the last healing look: time is quick here.
WAITS: dict[str, object] = {
    "lease": 120, "first_look": 180, "look_gap": 60, "healing_looks": (900, 3600), "retry_waits": (30, 120, 600),
    "topic_waits": (1800, 3600), "pipedrive_timeout": TIMEOUT, "thulium_timeout": TIMEOUT,
}  # fmt: skip

PEOPLE = [
    {"name": "Jan Próba", "phones": ["+48 601 000 001"], "emails": ["jan@example.com"]},
    {"name": "Ewa Próba", "phones": ["+48 601 000 002"], "emails": ["ewa@example.com"]},
]


@dataclass(frozen=True)
class Spot:
    """One call of a run: the `nth` of those with this method and path."""

    side: str
    method: str
    path: str
    nth: int

    def strike(self, day: Day, fault: dict[str, object], *, times: int = 1) -> None:
        path = f"^{self.path}$"
        more: dict[str, object] = {"method": self.method, "path": path, "nth": self.nth, "times": times}
        day.fault(self.side, **fault, **more)


#: The first write of a day lands only after it was sent again.
LATE_FIRST = (Spot("pipedrive", "POST", "/api/v2/activities", 1), FAULTS["effect after it was sent again"])


@dataclass
class Office:
    """An installation with two customers, at work day after day."""

    day: Day
    service: Service
    tenant_id: str
    _days: count[int] = field(default_factory=lambda: count(1))

    async def tenant(self) -> Tenant:
        return await self.service.tenant(self.tenant_id)

    async def work(self, *, late_first: bool = False) -> None:
        """One of each kind happens, on top of a forgotten index, and is run through to the end."""
        day, n = self.day, next(self._days)
        await self.service.db.write(lambda db: db.execute(text("DELETE FROM index_pass")) and None)
        (await self.tenant()).directory.read_at = None
        day.pipedrive[WORLD].access.clear()  # every day begins with a token that has run out
        await day.move(600)
        if late_first:
            LATE_FIRST[0].strike(day, LATE_FIRST[1])
        at = (day.system.now() - timedelta(minutes=5)).isoformat()
        first = day.happen("call", number="601000001", at=at)
        day.happen("call", number="601000002", type="OUTBOUND", comment="Ustalone", at=at)
        lines = [{"text": "Dzień dobry"}]
        day.happen("chat", email="jan@example.com", agent="anna", messages=lines, close=True, at=at)
        day.happen("ticket", **{"from": "ewa@example.com", "body": f"list {n}."})
        await day.move(120)
        with suppress(ConnectorError):
            day.counts += await sync(await self.tenant())
        day.happen("topic", connection_id=first["id"], comment=f"Późna notatka {n}.")
        await day.settle(self.service, self.tenant_id)
        day.mend()

    def wrong(self) -> list[str]:
        """What is lost or doubled so far, late notes included."""
        notes = "".join(row["note"] or "" for row in self.day.written())
        late = [call.comment for call in self.day.system.calls.values() if call.comment not in notes]
        return self.day.wrong() + [f"note not shown: {comment}" for comment in late]

    def forget_calls(self) -> None:
        for side in SIDES:
            self.day.faults(side).forget_calls()

    def spots(self) -> list[Spot]:
        """The calls made since, ids in their paths taken out."""
        found: list[Spot] = []
        for side in SIDES:
            seen: Counter[tuple[str, str]] = Counter()
            for call in self.day.faults(side).log:
                path = re.sub(r"/[0-9][0-9.]*(?=/|$)", "/[0-9.]+", call.target.partition("?")[0])
                seen[call.method, path] += 1
                found.append(Spot(side, call.method, path, seen[call.method, path]))
        return found


@asynccontextmanager
async def open_office(strike: Callable[[Day], None] | None = None) -> AsyncIterator[Office]:
    """A fresh installation; `strike` sets faults before its first call."""
    with TemporaryDirectory() as folder:
        async with listening(web.Application()) as public, open_day(Path(folder), waits=WAITS) as day:
            await day.world.seed_pipedrive(persons=PEOPLE)
            async with day.connector(public_url=public) as service:
                if strike is not None:
                    strike(day)
                tenant = await day.install(service, day.system.now() - timedelta(hours=1))
                yield Office(day, service, tenant.id)


async def find_spots() -> tuple[list[Spot], list[Spot], list[Spot]]:
    """The calls of an installation with its first day, of a later day, and those that only a day with a double makes."""
    async with open_office() as office:
        await office.work()
        first = office.spots()
        office.forget_calls()
        await office.work()
        later = office.spots()
        office.forget_calls()
        await office.work()
        # Once in a while a token runs out in the middle of a day.
        later = [spot for spot in office.spots() if spot in later]
        office.forget_calls()
        await office.work(late_first=True)
        # Repeating means: the same calls at the same places in later days.
        second_looks = [spot for spot in office.spots() if spot not in later]
        assert not office.wrong()
        assert office.day.counts["healed"] == 1
    return first, later, second_looks


@dataclass
class Found:
    """What faults of one kind did: what went wrong, and how many strikes and healed doubles there were."""

    wrong: list[str] = field(default_factory=list)
    struck: int = 0
    healed: int = 0

    def __add__(self, other: Found) -> Found:
        return Found(self.wrong + other.wrong, self.struck + other.struck, self.healed + other.healed)


async def strike_every(
    name: str, first: Sequence[Spot], later: Sequence[Spot], second_looks: Sequence[Spot]
) -> Found:
    """One kind of fault at each call: those of the first day in one go, each write on a day of its own, reads by threes."""
    fault = FAULTS[name]

    def strike_all(day: Day) -> None:
        for spot in first:
            if spot.nth == 1:
                spot.strike(day, fault)

    found, missing = Found(), Counter[Spot]()
    async with open_office(strike_all) as office:
        days, doubles = deque(_days(name, later, second_looks)), 0
        await _one_day(office, found, f"{name}, everywhere")
        while days and not found.wrong:  # what is wrong stays wrong
            struck = days.popleft()
            for spot in struck:
                # A read is tried four times by the client itself: half of the kinds outlast that.
                times = 4 if spot.method == "GET" and name.endswith("JSON") else 1
                spot.strike(office.day, fault, times=times)
            late_first = struck[0] in second_looks
            doubles += late_first
            missed = await _one_day(office, found, f"{name} at {struck}", late_first=late_first)
            excused = late_first and fault["kind"] in LONG_PAUSES
            # On a busy machine a day may do without a read that another day has.
            tries = 1 if excused else 2
            again = [spot for spot in struck if f"^{spot.path}$" in missed and missing[spot] < tries]
            if again:
                days += [[spot] for spot in again]
                missing.update(again)
            elif missed and not excused:
                found.wrong.append(f"{name} never struck {struck[0]}")
        found.healed = int(office.day.counts["healed"])
        if found.healed > doubles and fault != LATE_FIRST[1]:
            found.wrong.append(
                f"{name}: {found.healed - doubles} were sent again without need, and then healed"
            )
        return found


def _days(name: str, later: Sequence[Spot], second_looks: Sequence[Spot]) -> list[list[Spot]]:
    """The calls to strike, day by day."""
    days = [[spot] for spot in (*later, *second_looks) if spot.method != "GET"]
    if not name.startswith("effect") and "after the effect" not in name:  # a read has none
        reads = [spot for spot in later if spot.method == "GET"]
        number = -(-len(reads) // 3)
        days += [reads[n::number] for n in range(number)]
        days.append([spot for spot in second_looks if spot.method == "GET"])
    return days


async def _one_day(office: Office, found: Found, what: str, *, late_first: bool = False) -> set[str]:
    """Work a day, add what was found, and answer the paths whose faults struck nothing."""
    rules = [rule for side in SIDES for rule in office.day.faults(side).rules]
    try:
        await office.work(late_first=late_first)
    except Exception as error:  # noqa: BLE001  # whatever it is, the case it happened in must be told
        found.wrong.append(f"{what}: {type(error).__name__}: {error}")
        return set()
    found.wrong += [f"{what}: {difference}" for difference in office.wrong()]
    found.struck += sum(rule.hits > 0 for rule in rules)
    return {rule.path or "" for rule in rules if not rule.hits}


async def strike_all(names: Iterable[str], *spots: Sequence[Spot]) -> Found:
    """Work through kinds of faults, a few of them at a time: all of them wait now and then."""
    places = asyncio.Semaphore(5)

    async def one(name: str) -> Found:
        async with places:
            return await strike_every(name, *spots)

    return sum(await asyncio.gather(*map(one, names)), Found())
