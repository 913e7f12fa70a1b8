"""What the parts of a load share: the stages of its records, its counts, and what becomes of what went wrong.

Whatever is sent is first noted as sent, and comes to its next stage only when what came of it is kept.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TypeVar

from connector.errors import (
    ConnectorError,
    Forbidden,
    PlanLimit,
    Retryable,
    Throttled,
    UnknownField,
    UnknownOutcome,
)
from connector.flows.contacts.kinds import CUSTOMERS, CentreRecord, Kind
from connector.flows.contacts.planning import Case, Fate
from connector.flows.contacts.staging import SERIES, Ground
from connector.flows.worker import HALTING
from connector.store.changes import Wrote
from connector.store.dirty import Side
from connector.store.loads import Move, Stage

#: What concerns the whole load and not the record at hand; too many requests in a moment pass by themselves.
STOPPING = (*(error for error in HALTING if error is not Throttled), PlanLimit, UnknownField)
_MOST_PROBLEMS = 1000
#: One record may be out of reach of the user of the sync; so many in a row show that a right is missing altogether.
_MOST_FORBIDDEN = 20

T = TypeVar("T")
Item = TypeVar("Item")


@dataclass(slots=True)
class Tally:
    """What a load has done so far; `halted` is why it cannot go on, `trouble` what may pass by itself.

    `forbidden` are the records, by entity and id, that were refused one after another for want of a right.
    """

    counts: Counter[str]
    problems: list[Mapping[str, str]]
    limits: Mapping[str, int]
    halted: ConnectorError | None = None
    trouble: Retryable | None = None
    over: bool = False
    moved: int = 0
    forbidden: list[tuple[str, str]] = field(default_factory=list)

    def room(self, what: str, wanted: int) -> int:
        """How many of so many more may be `made` or `changed`; notes where the preview counted fewer."""
        left = max(self.limits.get(what, 0) - self.counts[what], 0)
        self.over = self.over or left < wanted
        return min(left, wanted)

    def refuse(self, entity: str, record_id: str, reason: str) -> None:
        """Note a record that is left to a person."""
        self.counts["refused"] += 1
        if len(self.problems) < _MOST_PROBLEMS:
            self.problems.append({"entity": entity, "id": record_id, "reason": reason})

    def take_back(self) -> dict[str, list[str]]:
        """The forbidden ones are not left to a person after all; answers their ids by entity."""
        back: dict[str, list[str]] = {}
        for entity, record_id in self.forbidden:
            back.setdefault(entity, []).append(record_id)
        self.counts["refused"] -= len(self.forbidden)
        self.problems = [one for one in self.problems if one["id"] not in back.get(one["entity"], ())]
        self.forbidden = []
        return back


@dataclass(slots=True)
class Writer:
    """Writes the batches of one load."""

    ground: Ground
    run_id: int
    tally: Tally

    # stages

    async def move(
        self, kind: Kind, cases: Sequence[Case], stage: Stage, wait_s: float | None = None
    ) -> None:
        """Bring records to another stage; those in doubt are looked for after so many seconds."""
        tenant = self.ground.tenant
        until = None if wait_s is None else tenant.clock.now() + timedelta(seconds=wait_s)
        if cases:
            ids = [case.id for case in cases]
            await tenant.loads.advance(self.ground.load.id, [Move(self.ground.own(kind), ids, stage, until)])
            self.tally.moved += len(cases) if stage is not Stage.NEW else 0

    async def leave(self, kind: Kind, cases: Sequence[Case]) -> None:
        """Settle those for which nothing is written: left out, doubles of others, and questions to a person."""
        tenant, tally = self.ground.tenant, self.tally
        asks = kind.asks_of_centre if self.ground.side is Side.CENTRE else kind.asks_of_crm
        asked = {case.id: (case.candidates, {"why": case.reason}) for case in cases if case.fate is Fate.ASK}
        await tenant.questions.ask_each(asks, asked)
        for case in cases:
            tally.counts[case.fate] += 1
            if case.fate is Fate.LEAVE:
                tally.counts[f"{Fate.LEAVE}: {case.reason}"] += 1
        await self.move(kind, cases, Stage.DONE)

    def record_id(self, centre_id: str, crm_id: str) -> str:
        """The one of a pair that is on the side that is loaded to."""
        return crm_id if self.ground.side is Side.CENTRE else centre_id

    async def note_made(self, kind: Kind, made: Sequence[tuple[str, str, Mapping[str, object]]]) -> None:
        """Write down records that were made: id, key of the pair, and what was sent."""
        side = self.ground.other_side
        await self.note(
            [Wrote(kind.entity, side, one, centre_id, "create", {}, sent) for one, centre_id, sent in made]
        )

    async def note(self, wrote: Sequence[Wrote]) -> None:
        """Write down what was written, so that the whole load can be undone."""
        await self.ground.tenant.changes.note(self.run_id, self.ground.load.cause, wrote)

    async def announce(self, kind: Kind, cases: Sequence[Case]) -> None:
        """New pairs: nobody need be asked about them any more, and their events may be written."""
        tenant = self.ground.tenant
        bound = [case.bound for case in cases if case.bound is not None]
        await tenant.questions.void(kind.asks_of_centre, [one.centre_id for one in bound])
        await tenant.questions.void(kind.asks_of_crm, [one.crm_id for one in bound])
        if kind is CUSTOMERS:
            await tenant.ledger.wake(customer_ids=[one.centre_id.rpartition("/")[2] for one in bound])

    async def failed(self, kind: Kind, answers: Sequence[tuple[Case, object]], *, claimed: bool) -> None:
        """Of what was answered, sort out the errors, in the order in which it was sent.

        What was certainly not done is done later or left to a person; what may have been is looked for.
        """
        tenant, tally = self.ground.tenant, self.tally
        failed = [(case, answer) for case, answer in answers if isinstance(answer, ConnectorError)]
        unknown = [case for case, error in failed if isinstance(error, UnknownOutcome)]
        refused: list[Case] = []
        later: list[Case] = []
        for case, error in failed:
            if isinstance(error, STOPPING):
                tally.halted = error
                later.append(case)
            elif isinstance(error, Retryable):
                tally.trouble = error
                later.append(case)
            elif not isinstance(error, UnknownOutcome):
                tally.refuse(self.ground.own(kind), case.id, str(error))
                refused.append(case)
        if claimed and failed:
            side, wait = self.ground.other_side, timedelta(seconds=tenant.service.first_look)
            sources = [self.ground.source(case.id) for case in unknown]
            for making in (await tenant.creations.of(kind.entity, side, sources)).values():
                await tenant.creations.doubt(making, look_at=tenant.clock.now() + wait)
            gone = [self.ground.source(case.id) for case in (*later, *refused)]
            await tenant.creations.settle(kind.entity, side, gone)
        await self.move(kind, unknown, Stage.SENT, tenant.service.first_look)
        await self.move(kind, later, Stage.NEW)
        await self.move(kind, refused, Stage.REFUSED)
        await self._halt_where_forbidden(self.ground.own(kind), answers)

    async def _halt_where_forbidden(self, entity: str, answers: Sequence[tuple[Case, object]]) -> None:
        """Halt where refusals for want of a right come in a row: those are tried again once it is granted."""
        tally, loads = self.tally, self.ground.tenant.loads
        for case, answer in answers:
            if isinstance(answer, Forbidden):
                tally.forbidden.append((entity, case.id))
                if len(tally.forbidden) >= _MOST_FORBIDDEN:
                    tally.halted = Forbidden(
                        f"{len(tally.forbidden)} records in a row were refused for want of a right ({answer}): "
                        "have it granted to the user of the sync, then start the load again"
                    )
            elif not isinstance(answer, ConnectorError) and len(tally.forbidden) < _MOST_FORBIDDEN:
                tally.forbidden.clear()
        if len(tally.forbidden) >= _MOST_FORBIDDEN:
            again = [Move(of, ids, Stage.NEW) for of, ids in tally.take_back().items()]
            await loads.advance(self.ground.load.id, again)


def parts_of(items: Sequence[Item]) -> Iterator[Sequence[Item]]:
    """The items in parts that are written, or read, with one request."""
    for begin in range(0, len(items), SERIES):
        yield items[begin : begin + SERIES]


async def each(items: Sequence[Item], send: Callable[[Item], Awaitable[T]]) -> list[T | ConnectorError]:
    """Send all at once, as fast as the other side's limits let them pass; each answers for itself."""

    async def one(item: Item) -> T | ConnectorError:
        try:
            return await send(item)
        except ConnectorError as error:
            return error

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one(item)) for item in items]
    return [task.result() for task in tasks]


async def read_or(reading: Awaitable[CentreRecord | None], sent: CentreRecord) -> CentreRecord:
    """What was just written as it is now; as it was sent where it cannot be read at this moment."""
    try:
        return await reading or sent
    except ConnectorError:
        return sent
