"""Cases that only a person decides, and what was decided: the same case is not asked twice."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import orjson
from sqlalchemy import Connection, Row, delete, func, select, update

from connector.clock import Clock
from connector.store.database import Database, any_of
from connector.store.tables import Question, table_of

questions = table_of(Question)


class Kind(StrEnum):
    """What is asked: whose a number or address is, what a record is the same as, or which value of a field holds."""

    SUBJECT = "subject"
    CUSTOMER = "customer"
    COMPANY = "company"
    PERSON = "person"
    ORGANIZATION = "organization"
    FIELD = "field"


@dataclass(frozen=True, slots=True)
class Asked:
    """One case with all candidates (ids); `detail` says more of it without names or numbers."""

    id: int
    kind: Kind
    subject: str
    candidates: tuple[str, ...]
    detail: Mapping[str, object]
    asked_at: datetime
    decision: Mapping[str, object] | None


class Questions:
    """The cases of one installation."""

    def __init__(self, db: Database, installation_id: str, clock: Clock) -> None:
        """Work on one installation's rows only."""
        self._db, self._installation_id, self._clock = db, installation_id, clock
        self._mine = questions.c.installation_id == installation_id

    async def ask(
        self, kind: Kind, subject: str, candidates: Sequence[str], detail: Mapping[str, object] | None = None
    ) -> None:
        """Ask, or bring an open case up to date; one that was decided is asked again only if it is another case now."""
        await self.ask_each(kind, {subject: (candidates, detail or {})})

    async def ask_each(
        self, kind: Kind, cases: Mapping[str, tuple[Sequence[str], Mapping[str, object]]]
    ) -> None:
        """The same for several subjects, each with its candidates and details."""
        fresh = {"asked_at": self._clock.now(), "decided_at": None, "decision": None}

        def work(db: Connection) -> None:
            of_kind = (self._mine, questions.c.kind == kind)
            query = select(questions.c.subject, questions.c.candidates, questions.c.detail)
            rows = db.execute(query.where(*of_kind, questions.c.subject.in_(any_of(cases))))
            known = {row.subject: (row.candidates, row.detail) for row in rows}
            for subject, (candidates, detail) in cases.items():
                values = {"candidates": _json(sorted(candidates)), "detail": _json(detail)}
                if subject not in known:
                    row = {"installation_id": self._installation_id, "kind": kind, "subject": subject}
                    db.execute(questions.insert(), row | values | fresh)
                elif known[subject] != (values["candidates"], values["detail"]):
                    where = (*of_kind, questions.c.subject == subject)
                    db.execute(update(questions).where(*where).values(**values, **fresh))

        if cases:
            await self._db.write(work)

    async def settle(self, kind: Kind, subjects: Collection[str], decision: Mapping[str, object]) -> None:
        """Keep a decision of which nobody was asked."""
        now = self._clock.now()
        values = {
            "candidates": "[]",
            "detail": "{}",
            "asked_at": now,
            "decided_at": now,
            "decision": _json(decision),
        }

        def work(db: Connection) -> None:
            of_kind = (self._mine, questions.c.kind == kind)
            db.execute(delete(questions).where(*of_kind, questions.c.subject.in_(any_of(subjects))))
            row = {"installation_id": self._installation_id, "kind": kind}
            db.execute(questions.insert(), [{**row, **values, "subject": one} for one in subjects])

        if subjects:
            await self._db.write(work)

    async def decide(self, question_id: int, decision: Mapping[str, object]) -> None:
        """Keep what a person decided."""
        values = {"decided_at": self._clock.now(), "decision": _json(decision)}
        where = (self._mine, questions.c.id == question_id)
        await self._db.write(lambda db: db.execute(update(questions).where(*where).values(**values)) and None)

    async def void(self, kind: Kind, subjects: Collection[str], *, undecided_only: bool = False) -> None:
        """These are no question any more, whether decided or not."""
        where = [self._mine, questions.c.kind == kind, questions.c.subject.in_(any_of(subjects))]
        if undecided_only:
            where.append(questions.c.decided_at.is_(None))
        if subjects:
            await self._db.write(lambda db: db.execute(delete(questions).where(*where)) and None)

    async def open(self, limit: int = 500, *, after: int = 0) -> list[Asked]:
        """What waits for a person, oldest first; `after` goes on from the last id of the page before."""
        waits = (self._mine, questions.c.decided_at.is_(None), questions.c.id > after)
        query = select(questions).where(*waits).order_by(questions.c.id)
        rows = await self._db.read(lambda db: db.execute(query.limit(limit)).all())
        return [_asked(row) for row in rows]

    async def decided(self, limit: int) -> list[Asked]:
        """What a person decided last, the latest first."""
        query = (
            select(questions)
            .where(self._mine, questions.c.decided_at.is_not(None), questions.c.candidates != "[]")
            .order_by(questions.c.decided_at.desc(), questions.c.id.desc())
        )
        rows = await self._db.read(lambda db: db.execute(query.limit(limit)).all())
        return [_asked(row) for row in rows]

    async def alike(self, asked: Asked, limit: int) -> list[int]:
        """Other open cases that the same decision may be meant for: of the same candidates, or of the same field."""
        same = (
            questions.c.subject.endswith(f"|{asked.subject.rpartition('|')[2]}", autoescape=True)
            if asked.kind is Kind.FIELD
            else questions.c.candidates == _json(sorted(asked.candidates))
        )
        where = (self._mine, questions.c.kind == asked.kind, questions.c.decided_at.is_(None), same)
        query = select(questions.c.id).where(*where, questions.c.id != asked.id).order_by(questions.c.id)
        return list(await self._db.read(lambda db: db.scalars(query.limit(limit)).all()))

    async def find(self, question_id: int) -> Asked | None:
        """One case, decided or not."""
        query = select(questions).where(self._mine, questions.c.id == question_id)
        row = await self._db.read(lambda db: db.execute(query).one_or_none())
        return None if row is None else _asked(row)

    async def of(self, kind: Kind, subjects: Collection[str]) -> dict[str, Asked]:
        """The case of each of these subjects that has one, decided or not."""
        if not subjects:
            return {}
        where = (self._mine, questions.c.kind == kind, questions.c.subject.in_(any_of(subjects)))
        rows = await self._db.read(lambda db: db.execute(select(questions).where(*where)).all())
        return {row.subject: _asked(row) for row in rows}

    async def about_subjects(self) -> dict[str, Mapping[str, object] | None]:
        """Every number and address that was asked about, by its key, with what was decided of it."""
        query = select(questions.c.subject, questions.c.decision).where(
            self._mine, questions.c.kind == Kind.SUBJECT
        )
        rows = await self._db.read(lambda db: db.execute(query).all())
        return {subject: orjson.loads(decision) if decision else None for subject, decision in rows}

    async def counts(self) -> dict[str, int]:
        """How many cases of each kind wait."""
        query = (
            select(questions.c.kind, func.count())
            .where(self._mine, questions.c.decided_at.is_(None))
            .group_by(questions.c.kind)
        )
        return await self._db.read(lambda db: dict(db.execute(query).all()))


def _json(value: object) -> str:
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()


def _asked(row: Row[tuple[object, ...]]) -> Asked:
    kept = row._mapping
    return Asked(
        id=kept["id"], kind=Kind(kept["kind"]), subject=kept["subject"],
        candidates=tuple(orjson.loads(kept["candidates"])), detail=orjson.loads(kept["detail"]),
        asked_at=kept["asked_at"], decision=orjson.loads(kept["decision"]) if kept["decision"] else None,
    )  # fmt: skip
