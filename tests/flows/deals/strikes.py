"""Deals opened again and again in one installation, each struck at another of its network calls by one kind of fault."""

from __future__ import annotations

import asyncio
import gc
import re
from collections import Counter as Counts
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from connector.errors import ConnectorError
from connector.flows.deals.opening import Opened, Result, open_deal
from connector.logs import set_up
from connector.store.opened import Link
from tests.bad_days.days import SIDES
from tests.bad_days.office import FAULTS as ALL_FAULTS
from tests.bad_days.office import Spot
from tests.flows.deals.counter import NUMBER, Counter, open_counter

#: Customers in step or not, tickets with a link field or without one; and which of the calls are this kind's own.
KINDS = {
    "in step": (True, True, r""),
    "by a comment": (True, False, r"/tickets/"),
    "not in step": (False, True, r"/(persons|deals)$"),
}
#: This late, a person or a comment that nobody waited for any more may stand beside the one that was sent again.
LATEST = "effect after it was sent again"
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
    in_step: bool
    is_late: bool = False

    async def prepare(self) -> None:
        """A new customer with a new ticket."""
        day, number = self.counter.day, f"{NUMBER[:-6]}{self.number:06}"
        day.seed(customers=[{"customer_id": 100 + self.number, "name": "Jan", "surname": f"Próba{self.number}",
                             "phone_number": [number]}])  # fmt: skip
        made = day.happen("ticket", customer_id=100 + self.number, subject="Dach")
        self.counter = replace(
            self.counter,
            customer=f"thulium:demo/{100 + self.number}",
            ticket=f"thulium:demo/{made['id']}",
        )
        if self.in_step:
            await self.counter.put_in_step()
        self.counter.forget_calls()

    async def press(self) -> None:
        """Press, twice at once; then do as an agent would who reads the answer, until the deal is there."""
        first = await asyncio.gather(*(self._press() for _ in range(2)))
        opened: Opened | None = next((one for one in first if one and one.result in _DONE), first[0])
        for _ in range(_PRESSES):
            if opened is not None and opened.result in _DONE:
                break
            await self.pass_time()
            opened = await self._press()
        await self.pass_time()
        tenant, ticket = await self.counter.tenant(), self.counter.ticket
        for _ in range(_PRESSES):
            if any(row.link_state is Link.DUE for row in await tenant.deals.of_ticket(ticket)):
                await self.counter.day.move(7200)
                await self.counter.look()

    async def _press(self) -> Opened | None:
        tenant = await self.counter.tenant()
        title = f"Dach {self.number}"
        opened = await open_deal(tenant, self.counter.service.operations, self.counter.order(title=title))
        assert opened.result in _DONE or opened.reason, opened
        return opened

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
            return [f"{len(deals)} deals"]
        if deals[0]["person_id"] not in {one["id"] for one in persons}:
            found.append("of another person")
        page = counter.page(deals[0]["id"])
        told = [one for one in counter.comments() if page in one]
        if counter.link() != page and not told:
            found.append(f"link {counter.link()}, no comment")
        if not self.is_late and (len(persons) > 1 or len(counter.comments()) > 1):
            found.append(f"{len(persons)} persons, {len(counter.comments())} comments")
        return found


@dataclass
class Found:
    wrong: list[str] = field(default_factory=list)
    struck: int = 0

    def __add__(self, other: Found) -> Found:
        return Found(self.wrong + other.wrong, self.struck + other.struck)


async def find_spots(folder: Path, kind: str) -> list[Spot]:
    """The calls of one deal, from the press to its link, ids in their paths taken out."""
    in_step, has_field, own = KINDS[kind]
    async with open_counter(folder, in_step=False, field=has_field, speed=100) as counter:
        strike = Strike(counter, 1, in_step)
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
    return [spot for spot in spots if re.search(own, spot.path)]


async def strike_every(name: str, kind: str, spots: Sequence[Spot]) -> Found:
    """One kind of fault at each call of a deal, each in a deal of its own."""
    fault, found = FAULTS[name], Found()
    in_step, has_field, _ = KINDS[kind]
    with TemporaryDirectory() as folder:
        async with open_counter(
            Path(folder), in_step=False, field=has_field, waits=_SHORT, speed=100
        ) as counter:
            for number, spot in enumerate(spots, 1):
                if spot.method == "GET" and ("effect" in name and "before" not in name):
                    continue  # a read has none
                strike = Strike(counter, number, in_step, is_late=name == LATEST)
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
