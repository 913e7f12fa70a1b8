"""Calls as their agents see them while they go on: from the order to dial, or the ringing phone, to their end.

Numbers are sealed, and found again by keyed hashes. Nothing here is ever written to Pipedrive but whom a call was made
for: what became of it is told by the contact centre's own list.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Literal
from uuid import uuid4

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, delete, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from connector.clock import Clock
from connector.records import EventKind
from connector.store.audit import DIAL, Doer, audit
from connector.store.audit import entry as audit_entry
from connector.store.database import Database, any_of
from connector.store.devices import devices
from connector.store.entries import ledger
from connector.store.suppressed import suppressed_among
from connector.store.tables import LiveCall as LiveCallRow
from connector.store.tables import table_of
from connector.store.vault import SubjectKeys, Vault

live = table_of(LiveCallRow)

#: A second click on the same number within this time is the first one again.
DOUBLE_CLICK = timedelta(seconds=2)
#: What one agent may begin: in a minute, and at once among those begun lately.
MOST_A_MINUTE, MOST_AT_ONCE = 20, 6
_LATELY = timedelta(minutes=5)
KEPT = timedelta(days=30)


class State(StrEnum):
    """How far a call is."""

    DIALLING = "dialling"
    RINGING_YOU = "ringing_you"
    RINGING_THEM = "ringing_them"
    IN_CALL = "in_call"
    ENDED = "ended"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class LiveCall:
    """One call of one agent, known by contact centre and login.

    `number` is E.164, an internal one's digits, either with `;ext=` behind it, or empty where it is hidden. What was
    clicked on is `record_…`, what that leads to `person_id` to `lead_id`. `external_id` is the contact centre's own id,
    `activity_id` what its event became in Pipedrive. Without `ended_at` more may be heard of it, whatever its state.
    """

    id: str
    connection: str
    agent: str
    direction: Literal["in", "out"]
    number: str
    number_key: str
    state: State
    reason: str
    began_at: datetime
    changed_at: datetime
    record_entity: str | None = None
    record_id: str | None = None
    person_id: str | None = None
    org_id: str | None = None
    deal_id: str | None = None
    lead_id: str | None = None
    external_id: str | None = None
    answered_at: datetime | None = None
    ended_at: datetime | None = None
    activity_id: str | None = None

    @property
    def whose(self) -> str:
        """The agent as lines and sessions know him, `thulium:acme/anna`."""
        return f"{self.connection}/{self.agent}"

    @property
    def is_resolved(self) -> bool:
        """Whether it is known what the record that was clicked on leads to."""
        return any((self.person_id, self.org_id, self.deal_id, self.lead_id))


@dataclass(frozen=True, slots=True)
class Order:
    """What an agent wants dialled; `id` is the device's own, `key` the number's keyed hash, `masked` what the trail keeps."""

    id: str
    number: str
    key: str
    masked: str
    record: tuple[str, str] | None
    source: str


_COLUMNS = [live.c[name] for name in LiveCall.__slots__ if name in live.c] + [live.c.number_sealed]
_CHANGING = [
    name
    for name in LiveCall.__slots__
    if name in live.c and name not in ("id", "connection", "agent", "direction")
]
_ROWS: Select[*tuple[object, ...]] = select(*_COLUMNS, ledger.c.crm_id.label("activity_id")).outerjoin(
    ledger,
    and_(
        ledger.c.installation_id == live.c.installation_id,
        ledger.c.connection == live.c.connection,
        ledger.c.kind == EventKind.CALL,
        ledger.c.external_id == live.c.external_id,
    ),
)


class LiveCalls:
    """The calls of one installation."""

    def __init__(
        self, db: Database, vault: Vault, keys: SubjectKeys, installation_id: str, clock: Clock
    ) -> None:
        """`keys` are the installation's own."""
        self._db, self._vault, self.keys, self._clock = db, vault, keys, clock
        self._installation_id = installation_id
        self._mine = live.c.installation_id == installation_id

    async def begin(
        self, connection: str, agent: str, order: Order, doer: Doer
    ) -> tuple[LiveCall, bool] | None:
        """Write an order down, and in the trail who gave it; answers the call, and whether it is to be dialled now.

        It is not where the same order, or one for the same number a moment ago, began it before. None: too many.
        """
        now = self._clock.now()
        record_entity, record_id = order.record or (None, None)
        call = LiveCall(
            uuid4().hex, connection, agent, "out", order.number, order.key, State.DIALLING, "", now, now,
            record_entity=record_entity, record_id=record_id,
        )  # fmt: skip
        row = self._row(call, dedup=order.id)
        detail = {
            "call": call.id, "number": order.masked, "source": order.source,
            "record": f"{record_entity} {record_id}" if order.record else "",
        }  # fmt: skip
        noted = audit_entry(self._installation_id, now, doer, DIAL, detail)
        his = (self._mine, live.c.connection == connection, live.c.agent == agent)

        def work(db: Connection) -> tuple[Row[*tuple[object, ...]], bool] | None:
            if (same := db.execute(_ROWS.where(*his, live.c.dedup == order.id)).one_or_none()) is not None:
                return same, False
            lately = db.execute(
                _ROWS.where(*his, live.c.direction == "out", live.c.began_at > now - _LATELY)
                .order_by(live.c.began_at.desc())
            ).all()  # fmt: skip
            for one in lately:
                if one.number_key == order.key and now - one.began_at <= DOUBLE_CLICK:
                    return one, False
            if sum(one.ended_at is None for one in lately) >= MOST_AT_ONCE:
                return None
            if sum(now - one.began_at < timedelta(minutes=1) for one in lately) >= MOST_A_MINUTE:
                return None
            self._keep_nothing_of(db, row)
            db.execute(live.insert(), row)
            db.execute(audit.insert(), noted)
            return db.execute(_ROWS.where(live.c.id == call.id)).one(), True

        done = await self._db.write(work)
        return None if done is None else (self._opened(done[0]), done[1])

    async def take_in(
        self, connection: str, agent: str, direction: Literal["in", "out"], *, number: str, key: str,
        external_id: str, at: datetime, state: State,
    ) -> LiveCall:  # fmt: skip
        """A call that the contact centre tells of, once however often it does."""
        call = LiveCall(
            uuid4().hex, connection, agent, direction, number, key, state, "", at, self._clock.now(),
            external_id=external_id,
        )  # fmt: skip
        return await self._once(call, f"told {external_id}")

    async def begin_again(self, call: LiveCall, at: datetime) -> LiveCall:
        """A call that comes to an agent for whom it was over: another one of the same number, once however often it is told."""
        again = replace(
            call, id=uuid4().hex, state=State.RINGING_YOU, reason="", began_at=at, changed_at=self._clock.now(),
            answered_at=None, ended_at=None,
        )  # fmt: skip
        return await self._once(again, f"again {call.id}")

    async def _once(self, call: LiveCall, dedup: str) -> LiveCall:
        """Write a call down unless it is there."""
        row = self._row(call, dedup=dedup)
        same = (
            self._mine,
            live.c.connection == call.connection,
            live.c.agent == call.agent,
            live.c.dedup == dedup,
        )

        def work(db: Connection) -> Row[*tuple[object, ...]]:
            self._keep_nothing_of(db, row)
            insert = postgresql.insert if db.dialect.name == "postgresql" else sqlite.insert
            db.execute(insert(live).values(row).on_conflict_do_nothing())
            return db.execute(_ROWS.where(*same)).one()

        return self._opened(await self._db.write(work))

    async def change(self, call_id: str, by: Callable[[LiveCall], LiveCall]) -> LiveCall | None:
        """Change a call as it is now, if `by` makes something else of it; None where it is the same, or gone."""
        now, which = self._clock.now(), (self._mine, live.c.id == call_id)

        def work(db: Connection) -> LiveCall | None:
            row = db.execute(_ROWS.where(*which)).one_or_none()
            if row is None or (after := by(before := self._opened(row))) == before:
                return None
            # Later than before even where no time has passed: what was read is told by it from what came after.
            after = replace(after, changed_at=max(now, before.changed_at + timedelta(microseconds=1)))
            values = {name: getattr(after, name) for name in _CHANGING}
            db.execute(update(live).where(*which).values(**values))
            return after

        return await self._db.write(work)

    # reading

    async def latest(self, connection: str, agent: str, limit: int) -> list[LiveCall]:
        """An agent's newest calls, newest first."""
        his = (self._mine, live.c.connection == connection, live.c.agent == agent)
        return await self._read(_ROWS.where(*his).order_by(live.c.began_at.desc(), live.c.id).limit(limit))

    async def going(self) -> list[LiveCall]:
        """Calls of which more may be heard."""
        return await self._read(_ROWS.where(self._mine, live.c.ended_at.is_(None)).order_by(live.c.began_at))

    async def named(self, ids: Collection[str]) -> list[LiveCall]:
        """The calls among `ids`."""
        return await self._read(_ROWS.where(self._mine, live.c.id.in_(any_of(ids)))) if ids else []

    async def of(self, connection: str, external_ids: Collection[str]) -> list[LiveCall]:
        """All that is known of these calls of a contact centre, at whatever phones."""
        where = (
            self._mine,
            live.c.connection == connection,
            live.c.external_id.in_(any_of(external_ids)),
        )
        return await self._read(_ROWS.where(*where)) if external_ids else []

    async def told(
        self, connection: str, agent: str | None, external_id: str, tag: str, since: datetime
    ) -> list[LiveCall]:
        """Calls that news may be of: by either id, or those of that agent begun since, newest first."""
        ways: list[tuple[ColumnElement[bool], ...]] = [
            (self._mine, live.c.external_id == external_id),
            (self._mine, live.c.id == tag),
        ]
        if agent is not None:
            his = (self._mine, live.c.connection == connection, live.c.agent == agent)
            ways.append((*his, live.c.began_at >= since))

        def work(db: Connection) -> list[Row[*tuple[object, ...]]]:
            # Each way has an index of its own: asked for all at once, SQLite would read every call.
            return [row for way in ways for row in db.execute(_ROWS.where(*way))]

        rows = {row.id: row for row in await self._db.read(work) if row.connection == connection}
        found = [self._opened(row) for row in rows.values()]
        return sorted(found, key=lambda call: call.began_at, reverse=True)

    async def dialled(
        self, connection: str, *, agents: Collection[str], keys: Collection[str], external_ids: Collection[str],
        since: datetime, until: datetime,
    ) -> list[LiveCall]:  # fmt: skip
        """Calls that these agents had dialled between two times, to numbers of these keys or known by these ids."""
        where = (
            self._mine, live.c.connection == connection, live.c.agent.in_(any_of(agents)), live.c.direction == "out",
            live.c.began_at >= since, live.c.began_at <= until,
            or_(live.c.number_key.in_(any_of(keys)), live.c.external_id.in_(any_of(external_ids))),
        )  # fmt: skip
        return await self._read(_ROWS.where(*where).order_by(live.c.began_at))

    async def has_listeners(self, agent: str | None = None) -> bool:
        """Whether the agent, as lines know him, or any agent at all, has a device that could be told of a call."""
        query = select(devices.c.id).where(
            devices.c.installation_id == self._installation_id, devices.c.revoked_at.is_(None)
        )
        if agent is not None:
            query = query.where(devices.c.agent == agent)
        return await self._db.read(lambda db: db.execute(query.limit(1)).one_or_none()) is not None

    async def purge(self) -> None:
        """Forget calls that began long ago."""
        old = live.c.began_at < self._clock.now() - KEPT
        await self._db.write(lambda db: db.execute(delete(live).where(self._mine, old)) and None)

    async def _read(self, query: Select[*tuple[object, ...]]) -> list[LiveCall]:
        rows = await self._db.read(lambda db: db.execute(query).all())
        return [self._opened(row) for row in rows]

    # rows

    def _row(self, call: LiveCall, *, dedup: str) -> dict[str, object]:
        row: dict[str, object] = {name: getattr(call, name) for name in LiveCall.__slots__ if name in live.c}
        sealed = self._vault.seal(call.number.encode())
        return row | {"installation_id": self._installation_id, "number_sealed": sealed, "dedup": dedup}

    def _keep_nothing_of(self, db: Connection, row: dict[str, object]) -> None:
        """The number of somebody who was erased is hidden."""
        if suppressed_among(db, self._installation_id, {str(row["number_key"])}):
            row |= {"number_sealed": self._vault.seal(b""), "number_key": ""}

    def _opened(self, row: Row[*tuple[object, ...]]) -> LiveCall:
        kept = dict(row._mapping)
        kept["number"] = self._vault.open(kept.pop("number_sealed")).decode()
        return LiveCall(**{**kept, "state": State(kept["state"])})
