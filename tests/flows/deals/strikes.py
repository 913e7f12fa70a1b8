"""Deals opened again and again in one installation, each struck at another of its network calls by one kind of fault."""

from __future__ import annotations

import asyncio
import gc
import os
import re
from collections import Counter as Counts
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from connector.errors import ConnectorError
from connector.flows.deals.opening import Result, open_deal
from connector.logs import set_up
from connector.store.opened import Link
from tests.bad_days.days import SIDES
from tests.bad_days.office import FAULTS as ALL_FAULTS
from tests.bad_days.office import Spot
from tests.flows.deals.counter import NUMBER, Counter, open_counter
from tests.flows.deals.reader import Reader
from tests.serving import Served


@dataclass(frozen=True)
class Kind:
    """How a deal is opened: for a customer in step or not, from a ticket with a link field or without one, and by which page.

    Only calls whose path fits `own` are struck, and writes only where they are its own: the others are those of another kind.
    """

    in_step: bool
    has_field: bool = True
    page: str = ""
    own: str = ""
    writes: bool = True


#: Who an agent is was read before: of that a page says nothing.
_OF_PAGES = r"/(users|pipelines|stages|dealFields|persons|organizations|deals|customers|tickets)(/|$)"
KINDS = {
    "in step": Kind(in_step=True),
    "by a comment": Kind(in_step=True, has_field=False, own=r"/tickets/"),
    "not in step, from the ticket's page": Kind(in_step=False, page="tickets", own=_OF_PAGES),
    "in step, from the customer's page": Kind(in_step=True, page="customers", own=_OF_PAGES, writes=False),
}
#: This late, a person or a comment that nobody waited for any more may stand beside the one that was sent again.
LATEST = "effect after it was sent again"
#: What a page tells apart when it cannot read; the other faults are the same to it. The rest of these only in a long run.
TOLD_APART = {"daily limit", "token refused", "502 before the effect, JSON"} | (
    {"burst limit", "page of the edge", "page instead of JSON"}
    if os.environ.get("CONNECTOR_TEST_LONG")
    else set()
)
#: With which a deal is struck from its page on; all of them strike the flow behind the page, and pages too in a long run.
FROM_PAGES = TOLD_APART | {"time-out after the effect", "500 after the effect, JSON"}
_DONE = (Result.MADE, Result.THERE)
_PRESSES = 10
#: Real seconds the connector waits for an answer, and how long a call that times out is held.
_TIMEOUT, _HELD = 0.8, 0.9
_SHORT = {"pipedrive_timeout": _TIMEOUT, "thulium_timeout": _TIMEOUT}

FAULTS: dict[str, dict[str, object]] = {
    name: {**fault, "seconds": _HELD} if "timeout" in str(fault["kind"]) else fault
    for name, fault in ALL_FAULTS.items()
}


@dataclass
class Strike:
    """One deal of one new customer, with what went wrong."""

    counter: Counter
    number: int
    kind: Kind
    here: Served
    is_late: bool = False
    reader: Reader | None = None

    async def prepare(self) -> None:
        """A new customer with a new ticket."""
        day, number = self.counter.day, f"{NUMBER[:-6]}{self.number:06}"
        day.seed(customers=[{"customer_id": 100 + self.number, "name": "Jan", "surname": f"Próba{self.number}",
                             "phone_number": [number]}])  # fmt: skip
        made = day.happen("ticket", customer_id=100 + self.number, subject=f"Dach {self.number}")
        self.counter = replace(
            self.counter,
            customer=f"thulium:demo/{100 + self.number}",
            ticket=f"thulium:demo/{made['id']}",
        )
        if self.kind.in_step:
            await self.counter.put_in_step()
        if page := self.kind.page:
            agent = await self.counter.agent(self.here)
            record = (self.counter.ticket if page == "tickets" else self.counter.customer).rpartition("/")[2]
            start = agent.page(page, record) + ("/new-deal" if page == "customers" else "")
            self.reader = Reader(self.counter, agent, start, f"Dach {self.number}")
            # Nothing is at hand, as on a morning.
            tenant = await self.counter.tenant()
            tenant.deals_at_hand.catalogue = tenant.directory.read_at = None
        self.counter.forget_calls()

    async def press(self) -> None:
        """Press, twice at once; then do as an agent would who reads the answer, until the deal is there."""
        if not await self._press():
            for _ in range(_PRESSES):
                await self.pass_time()
                if await self._press():
                    break
        await self.pass_time()
        tenant, ticket = await self.counter.tenant(), self.counter.ticket
        for _ in range(_PRESSES):
            if any(row.link_state is Link.DUE for row in await tenant.deals.of_ticket(ticket)):
                await self.counter.day.move(7200)
                await self.counter.look()

    async def _press(self) -> bool:
        """Whether the deal is there."""
        if self.reader is not None:
            return await self.reader.press()
        return any(await asyncio.gather(self._open(), self._open()))

    async def _open(self) -> bool:
        tenant = await self.counter.tenant()
        title = f"Dach {self.number}"
        opened = await open_deal(tenant, self.counter.service.operations, self.counter.order(title=title))
        assert opened.result in _DONE or opened.reason, opened
        return opened.result in _DONE

    async def pass_time(self) -> None:
        """What jobs do, until nothing is due; a token that was refused is given anew."""
        counter = self.counter
        for wait in (1, 200, 100, 100, 900, 1900):
            await counter.day.move(wait)
            try:
                await counter.look()
            except ConnectorError:
                await counter.day.reconnect(counter.service)

    def wrong(self) -> list[str]:
        """What is lost or doubled on either side."""
        counter, found = self.counter, []
        deals = [deal for deal in counter.deals() if deal["title"] == f"Dach {self.number}"]
        persons = [one for one in counter.persons() if one["name"].endswith(f"Próba{self.number}")]
        if len(deals) != 1:
            return [f"{len(deals)} deals", *(self.reader.puzzles if self.reader is not None else [])]
        if deals[0]["person_id"] not in {one["id"] for one in persons}:
            found.append("of another person")
        page = counter.page(deals[0]["id"])
        told = [one for one in counter.comments() if page in one]
        if self.kind.page != "customers" and counter.link() != page and not told:
            found.append(f"link {counter.link()}, no comment")
        if not self.is_late and (len(persons) > 1 or len(counter.comments()) > 1):
            found.append(f"{len(persons)} persons, {len(counter.comments())} comments")
        return found + (self.reader.puzzles if self.reader is not None else [])


@dataclass
class Found:
    wrong: list[str] = field(default_factory=list)
    struck: int = 0

    def __add__(self, other: Found) -> Found:
        return Found(self.wrong + other.wrong, self.struck + other.struck)


async def find_spots(folder: Path, kind: str) -> list[Spot]:
    """The calls of one deal, from the press to its link, ids in their paths taken out."""
    way = KINDS[kind]
    async with (
        open_counter(folder, in_step=False, field=way.has_field, speed=100) as counter,
        counter.web() as here,
    ):
        strike = Strike(counter, 1, way, here)
        await strike.prepare()
        await strike.press()
        assert not strike.wrong()
        spots: list[Spot] = []
        for side in SIDES:
            seen: Counts[tuple[str, str]] = Counts()
            for call in counter.day.faults(side).log:
                path = re.sub(r"/[0-9]+(?=/|$)", "/[0-9]+", call.target.partition("?")[0])
                seen[call.method, path] += 1
                spots.append(Spot(side, call.method, path, seen[call.method, path]))
    return [spot for spot in spots if re.search(way.own, spot.path) and (way.writes or spot.method == "GET")]


async def strike_every(name: str, kind: str, spots: Sequence[Spot]) -> Found:
    """One kind of fault at each call of a deal, each in a deal of its own."""
    fault, found, way = FAULTS[name], Found(), KINDS[kind]
    if way.page and name not in FROM_PAGES and not os.environ.get("CONNECTOR_TEST_LONG"):
        return found
    with TemporaryDirectory() as folder:
        async with (
            open_counter(
                Path(folder), in_step=False, field=way.has_field, waits=_SHORT, speed=100
            ) as counter,
            counter.web() as here,
        ):
            for number, spot in enumerate(spots, 1):
                if spot.method == "GET" and ("effect" in name and "before" not in name):
                    continue  # a read has none
                if way.page and spot.method == "GET" and name not in TOLD_APART:
                    continue
                strike = Strike(counter, number, way, here, is_late=name == LATEST)
                await strike.prepare()
                spot.strike(counter.day, fault, times=4 if spot.method == "GET" else 1)
                rules = [rule for side in SIDES for rule in counter.day.faults(side).rules]
                try:
                    await strike.press()
                except Exception as error:  # noqa: BLE001  # whatever it is, the case it happened in must be told
                    found.wrong.append(f"{kind}: {name} at {spot}: {type(error).__name__}: {error}")
                    break
                found.struck += any(rule.hits for rule in rules)
                found.wrong += [f"{kind}: {name} at {spot}: {one}" for one in strike.wrong()]
                counter.day.mend()
                if fault["kind"] == "daily_429":
                    # The last call that was refused so may have been nobody's: the day's pause outlives its cause.
                    await counter.day.move(86_400)
    return found


def strike_many(names: Iterable[str], kind: str, spots: Sequence[Spot]) -> Found:
    """Work through some kinds of faults in a process of their own."""
    set_up("text", "CRITICAL")
    gc.freeze()

    async def all_of_them() -> Found:
        places = asyncio.Semaphore(4)

        async def one(name: str) -> Found:
            async with places:
                return await strike_every(name, kind, spots)

        return sum(await asyncio.gather(*map(one, names)), Found())

    return asyncio.run(all_of_them())
