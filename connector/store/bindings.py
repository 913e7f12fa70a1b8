"""Bindings: this record of the contact centre is that record in Pipedrive, and what both held when last in step.

A record of a contact centre is known by its key, connection and id (`thulium:acme/7`), since ids repeat.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

import orjson
from sqlalchemy import Connection, Row, Update, bindparam, delete, func, select, text, update
from sqlalchemy.dialects import postgresql, sqlite

from connector.store.database import Database, any_of
from connector.store.tables import ODD, Binding, table_of

bindings = table_of(Binding)

CUSTOMER = "customer"
COMPANY = "company"

#: What both sides of one field held: a token each, or sorted lists of tokens.
Base = Mapping[str, Sequence[object]]


class Bond(StrEnum):
    """How a record of the contact centre hangs together with one of Pipedrive."""

    BOUND = "bound"
    ALIAS = "alias"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Bound:
    """One binding; `overwrote` is what Pipedrive held when we last wrote its lists, and that write's time.

    `sent` is what the base becomes by an update that is under way, or that nobody answered.
    """

    entity: str
    centre_id: str
    crm_id: str
    state: Bond = Bond.BOUND
    card_id: str | None = None
    base: Base | None = None
    overwrote: Mapping[str, object] | None = None
    problems: tuple[Mapping[str, str], ...] = ()
    in_step_at: datetime | None = None
    sent: Base | None = None

    @property
    def connection(self) -> str:
        """The contact centre it is of."""
        return self.centre_id.rpartition("/")[0]


@dataclass(frozen=True, slots=True)
class InStep:
    """A pair as it was found or brought in step."""

    bound: Bound
    base: Base
    problems: Sequence[Mapping[str, str]] = ()
    overwrote: Mapping[str, object] | None = field(default=None)


class Bindings:
    """The bindings of one installation."""

    def __init__(self, db: Database, installation_id: str) -> None:
        """Work on one installation's rows only."""
        self._db, self._installation_id = db, installation_id
        self._mine = bindings.c.installation_id == installation_id

    async def persons(self, customers: Collection[str]) -> dict[str, str]:
        """The person of each customer that has one."""
        if not customers:
            return {}
        query = select(bindings.c.centre_id, bindings.c.crm_id).where(
            self._mine, bindings.c.entity == CUSTOMER, bindings.c.centre_id.in_(any_of(customers)),
            bindings.c.state != Bond.GONE,
        )  # fmt: skip
        return await self._db.read(lambda db: dict(db.execute(query).all()))

    async def whose(self, customers: Collection[str]) -> tuple[dict[str, str], dict[str, str]]:
        """The person of each customer that has one, and the organization of each that is a company's own record."""
        if not customers:
            return {}, {}
        alive = (self._mine, bindings.c.state != Bond.GONE)
        persons = select(bindings.c.centre_id, bindings.c.crm_id, bindings.c.entity).where(
            *alive, bindings.c.entity == CUSTOMER, bindings.c.centre_id.in_(any_of(customers))
        )
        companies = select(bindings.c.card_id, bindings.c.crm_id, bindings.c.entity).where(
            *alive, bindings.c.card_id.in_(any_of(customers))
        )
        rows = await self._db.read(lambda db: db.execute(persons.union_all(companies)).all())
        of_kind = {
            entity: {key: crm_id for key, crm_id, kind in rows if kind == entity}
            for entity in (CUSTOMER, COMPANY)
        }
        return of_kind[CUSTOMER], of_kind[COMPANY]

    async def of_centre(self, entity: str, keys: Collection[str]) -> dict[str, Bound]:
        """The binding of each of these records of contact centres, dissolved ones included."""
        if not keys:
            return {}
        where = (self._mine, bindings.c.entity == entity, bindings.c.centre_id.in_(any_of(keys)))
        rows = await self._db.read(lambda db: db.execute(select(bindings).where(*where)).all())
        return {row.centre_id: _bound(row) for row in rows}

    async def of_crm(self, entity: str, crm_ids: Collection[str]) -> dict[str, list[Bound]]:
        """All bindings of each of these records of Pipedrive, dissolved ones included."""
        if not crm_ids:
            return {}
        where = (self._mine, bindings.c.entity == entity, bindings.c.crm_id.in_(any_of(crm_ids)))
        rows = await self._db.read(lambda db: db.execute(select(bindings).where(*where)).all())
        found: dict[str, list[Bound]] = {}
        # Sorted here: asked to, SQLite would read every binding there is in that order.
        for row in sorted(rows, key=lambda row: str(row.centre_id)):
            found.setdefault(row.crm_id, []).append(_bound(row))
        return found

    async def bound_since(self, since: datetime) -> list[Bound]:
        """The pairs that were made since then."""
        where = (self._mine, bindings.c.bound_at >= since, bindings.c.state == Bond.BOUND)
        rows = await self._db.read(lambda db: db.execute(select(bindings).where(*where)).all())
        return [_bound(row) for row in rows]

    async def latest(self, entity: str, limit: int) -> list[Bound]:
        """The pairs of a kind that were made last."""
        where = (self._mine, bindings.c.entity == entity, bindings.c.state == Bond.BOUND)
        last = select(bindings.c.centre_id).where(*where).order_by(bindings.c.bound_at.desc()).limit(limit)
        keys = await self._db.read(lambda db: list(db.scalars(last).all()))
        found = await self.of_centre(entity, keys)
        return [found[key] for key in keys if key in found]

    async def bind(self, pairs: Mapping[str, str], *, at: datetime, entity: str = CUSTOMER) -> None:
        """Bind customers to persons; one that is bound stays as it is, one whose person has another is an alias."""
        await self.link_all([Bound(entity, *pair) for pair in pairs.items()], at=at)

    async def link(self, bound: Bound, *, at: datetime) -> Bound:
        """Bind one record to another and answer the binding that now stands: the one that was there first, if any."""
        row = await self._db.write(lambda db: self._bind(db, bound, at))
        return _bound(row)

    async def link_all(self, wanted: Sequence[Bound], *, at: datetime) -> list[Bound]:
        """The same for many, in one transaction."""
        return await self._db.write(lambda db: self._bind_all(db, wanted, at)) if wanted else []

    def _bind_all(self, db: Connection, wanted: Sequence[Bound], at: datetime) -> list[Bound]:
        linked: dict[tuple[str, str], Bound] = {}
        fresh: list[Bound] = []
        for entity in {one.entity for one in wanted}:
            own = (self._mine, bindings.c.entity == entity)
            part = [one for one in wanted if one.entity == entity]
            here = any_of({one.centre_id for one in part})
            known = set(db.scalars(select(bindings.c.centre_id).where(*own, bindings.c.centre_id.in_(here))))
            there = any_of({one.crm_id for one in part})
            rivals = select(bindings.c.connection, bindings.c.crm_id).where(
                *own, bindings.c.crm_id.in_(there), bindings.c.state == Bond.BOUND
            )
            for one in part:
                if one.centre_id in known:
                    linked[entity, one.centre_id] = _bound(self._bind(db, one, at))
            taken = {(connection, crm_id) for connection, crm_id in db.execute(rivals)}
            for one in part:
                if one.centre_id in known:
                    continue
                pair = (one.connection, one.crm_id)
                state = Bond.ALIAS if pair in taken else Bond.BOUND
                taken.add(pair)
                known.add(one.centre_id)
                linked[entity, one.centre_id] = Bound(
                    entity, one.centre_id, one.crm_id, state, card_id=one.card_id
                )
                fresh.append(linked[entity, one.centre_id])
        rows = [
            {
                "installation_id": self._installation_id, "entity": one.entity, "centre_id": one.centre_id,
                "connection": one.connection, "crm_id": one.crm_id, "state": one.state, "card_id": one.card_id,
                "base": None, "overwrote": None, "sent": None, "problems": "[]", "bound_at": at, "in_step_at": None,
            }
            for one in fresh
        ]  # fmt: skip
        if rows:
            db.execute(bindings.insert(), rows)
        return [linked[one.entity, one.centre_id] for one in wanted]

    def _bind(self, db: Connection, bound: Bound, at: datetime) -> Row[tuple[object, ...]]:
        own = (self._mine, bindings.c.entity == bound.entity)
        this = (*own, bindings.c.centre_id == bound.centre_id)
        rival = select(bindings.c.centre_id).where(
            *own, bindings.c.connection == bound.connection, bindings.c.crm_id == bound.crm_id,
            bindings.c.state == Bond.BOUND, bindings.c.centre_id != bound.centre_id,
        )  # fmt: skip
        state = Bond.ALIAS if db.scalar(rival.limit(1)) is not None else Bond.BOUND
        values = {
            "connection": bound.connection, "crm_id": bound.crm_id, "state": state, "card_id": bound.card_id,
            "base": None, "overwrote": None, "sent": None, "problems": "[]", "bound_at": at, "in_step_at": None,
        }  # fmt: skip
        dead = bindings.c.state == Bond.GONE
        if not db.execute(update(bindings).where(*this, dead).values(**values)).rowcount:
            insert = postgresql.insert if db.dialect.name == "postgresql" else sqlite.insert
            key = {
                "installation_id": self._installation_id,
                "entity": bound.entity,
                "centre_id": bound.centre_id,
            }
            db.execute(insert(bindings).on_conflict_do_nothing(), key | values)
        return db.execute(select(bindings).where(*this)).one()

    async def in_step(self, pairs: Sequence[InStep], *, at: datetime) -> None:
        """Write down what both sides of bound pairs hold now, and what could not be kept the same."""

        rows = [
            {
                **_named(pair.bound), "base": orjson.dumps(pair.base).decode(), "sent": None, "in_step_at": at,
                "problems": orjson.dumps(list(pair.problems)).decode(),
                **({"overwrote": orjson.dumps(pair.overwrote).decode()} if pair.overwrote is not None else {}),
            }
            for pair in pairs
        ]  # fmt: skip

        def work(db: Connection) -> None:
            # All rows of one statement name the same columns.
            for overwriting in (False, True):
                if some := [row for row in rows if ("overwrote" in row) == overwriting]:
                    db.execute(self._update_named(), some)

        if pairs:
            await self._db.write(work)

    async def send(self, updates: Sequence[tuple[Bound, Base]]) -> None:
        """Write down what updates of these pairs are about to make of their bases."""

        rows = [{**_named(bound), "sent": orjson.dumps(sent).decode()} for bound, sent in updates]
        if rows:
            await self._db.write(lambda db: db.execute(self._update_named(), rows) and None)

    def _update_named(self) -> Update:
        """Writes each of many rows, which name their own (see `_named`); their other keys are the columns written."""
        return update(bindings).where(
            self._mine, bindings.c.entity == bindparam("of_entity"), bindings.c.centre_id == bindparam("of_centre"),
            bindings.c.crm_id == bindparam("of_crm"),
        )  # fmt: skip

    async def unbind(self, customer: str, *, entity: str = CUSTOMER) -> None:
        """Forget whose a record is, as if it had never been known."""
        where = (self._mine, bindings.c.entity == entity, bindings.c.centre_id == customer)
        await self._db.write(lambda db: db.execute(delete(bindings).where(*where)) and None)

    async def dissolve(self, bound: Bound) -> str | None:
        """One of the two is gone: nothing is made in its place, and the binding revives should it come back.

        Where the record in Pipedrive has an alias in the same contact centre, that takes the place; answers its key.
        """
        own = (self._mine, bindings.c.entity == bound.entity)

        def work(db: Connection) -> str | None:
            this = (*own, bindings.c.centre_id == bound.centre_id)
            db.execute(update(bindings).where(*this).values(state=Bond.GONE))
            of_record = (*own, bindings.c.crm_id == bound.crm_id, bindings.c.connection == bound.connection)
            others = select(bindings.c.state, bindings.c.centre_id, bindings.c.bound_at).where(
                *of_record, bindings.c.state != Bond.GONE
            )
            rest = db.execute(others).all()
            if not rest or any(state == Bond.BOUND for state, _, _ in rest):
                return None
            heir = min(rest, key=lambda row: (row.bound_at, row.centre_id)).centre_id
            values = {"state": Bond.BOUND, "base": None, "sent": None}
            db.execute(update(bindings).where(*own, bindings.c.centre_id == heir).values(**values))
            return str(heir)

        return await self._db.write(work)

    async def revive(self, bound: Bound, *, at: datetime) -> Bound:
        """Both are there again: the binding holds as it did, unless another has taken its place meanwhile."""

        def work(db: Connection) -> Row[tuple[object, ...]]:
            this = (self._mine, bindings.c.entity == bound.entity, bindings.c.centre_id == bound.centre_id)
            before = db.execute(select(bindings).where(*this)).one()
            self._bind(db, bound, at)
            kept = {name: before._mapping[name] for name in ("base", "sent", "problems", "in_step_at")}
            db.execute(update(bindings).where(*this, bindings.c.crm_id == before.crm_id).values(**kept))
            return db.execute(select(bindings).where(*this)).one()

        return _bound(await self._db.write(work))

    async def follow_merge(self, crm_id: str, *, into: str, entity: str = CUSTOMER) -> list[str]:
        """Bind the records of a merged one to its survivor, as aliases where that has one; answers who moved."""
        moved = (
            self._mine,
            bindings.c.entity == entity,
            bindings.c.crm_id == crm_id,
            bindings.c.state != Bond.GONE,
        )

        def work(db: Connection) -> list[str]:
            query = select(bindings.c.centre_id, bindings.c.connection, bindings.c.state).where(*moved)
            # Whoever was bound stays so. Sorted here: asked to, SQLite would read every binding there is in that order.
            rows = sorted(db.execute(query), key=lambda row: (row.state != Bond.BOUND, row.centre_id))
            for centre_id, connection, _ in rows:
                taken = db.scalar(
                    select(bindings.c.centre_id).where(
                        self._mine, bindings.c.entity == entity, bindings.c.connection == connection,
                        bindings.c.crm_id == into, bindings.c.state == Bond.BOUND,
                    ).limit(1)
                )  # fmt: skip
                state = Bond.BOUND if taken is None else Bond.ALIAS
                this = (self._mine, bindings.c.entity == entity, bindings.c.centre_id == centre_id)
                db.execute(update(bindings).where(*this).values(crm_id=into, state=state))
            return [row.centre_id for row in rows]

        return await self._db.write(work)

    async def unlink(self, entity: str, crm_id: str) -> list[str]:
        """Dissolve the bindings of a record of Pipedrive that is gone; answers whose they were."""
        where = (
            self._mine,
            bindings.c.entity == entity,
            bindings.c.crm_id == crm_id,
            bindings.c.state != Bond.GONE,
        )

        def work(db: Connection) -> list[str]:
            keys = list(db.scalars(select(bindings.c.centre_id).where(*where)).all())
            db.execute(update(bindings).where(*where).values(state=Bond.GONE))
            return keys

        return await self._db.write(work)

    async def counts(self) -> dict[str, dict[str, int]]:
        """Number of bindings by entity and state."""
        query = (
            select(bindings.c.entity, bindings.c.state, func.count())
            .where(self._mine)
            .group_by(bindings.c.entity, bindings.c.state)
        )
        found: dict[str, dict[str, int]] = {}
        for entity, state, number in await self._db.read(lambda db: db.execute(query).all()):
            found.setdefault(entity, {})[state] = number
        return found

    async def all_of(self, entity: str, connection: str) -> dict[str, str]:
        """The keys of all records of one contact centre that are bound or aliases, with their ids in Pipedrive."""
        query = select(bindings.c.centre_id, bindings.c.crm_id).where(
            self._mine, bindings.c.entity == entity, bindings.c.connection == connection,
            bindings.c.state != Bond.GONE,
        )  # fmt: skip
        return await self._db.read(lambda db: dict(db.execute(query).all()))

    async def troubled(self, limit: int = 200) -> list[Bound]:
        """Pairs of which something could not be kept the same, and aliases."""
        alive = (self._mine, bindings.c.state != Bond.GONE, text(f"({ODD})"))
        query = select(bindings).where(*alive).order_by(bindings.c.entity, bindings.c.centre_id)
        return [_bound(row) for row in await self._db.read(lambda db: db.execute(query.limit(limit)).all())]


def _named(bound: Bound) -> dict[str, object]:
    return {"of_entity": bound.entity, "of_centre": bound.centre_id, "of_crm": bound.crm_id}


def _bound(row: Row[tuple[object, ...]]) -> Bound:
    kept = row._mapping
    return Bound(
        entity=kept["entity"], centre_id=kept["centre_id"], crm_id=kept["crm_id"], state=Bond(kept["state"]),
        card_id=kept["card_id"], base=orjson.loads(kept["base"]) if kept["base"] else None,
        overwrote=orjson.loads(kept["overwrote"]) if kept["overwrote"] else None,
        problems=tuple(orjson.loads(kept["problems"])), in_step_at=kept["in_step_at"],
        sent=orjson.loads(kept["sent"]) if kept["sent"] else None,
    )  # fmt: skip
