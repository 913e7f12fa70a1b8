"""The ledger: each event of the contact centre once, and what became of it.

An entry is written to Pipedrive only under a claim that was committed before the first byte left. A claim ends by
`settle`; one that is never settled runs out and is then looked for, see `store/doubts.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TypeVar, cast

import orjson
from sqlalchemy import Connection, Row, Update, bindparam, case, delete, func, null, or_, select, text, update
from sqlalchemy.dialects import postgresql, sqlite

from connector.clock import Clock
from connector.records import Event, EventKind, Unreadable, Window
from connector.store.database import Database, any_of
from connector.store.payloads import kind_of, occurred_at, pack, unpack
from connector.store.tables import ASLEEP, Adopted, Cursor, LedgerEntry, WaitingKey, table_of
from connector.store.vault import SubjectKeys, Vault

T = TypeVar("T")

ledger = table_of(LedgerEntry)
adopted = table_of(Adopted)
cursor = table_of(Cursor)
waiting_keys = table_of(WaitingKey)

#: Markers that are looked up by one statement.
_AT_ONCE = 10_000

UNKNOWN = "unknown"
#: Parked for this reason, an entry may be in Pipedrive already: only an order that names it sends it again.
UNSEEN = "sent without an answer, and this user does not see activities of others: look in Pipedrive whether it is there"
#: What had not been written when the app was taken away; a backfill after a new installation brings it.
ERASED = "contents erased at uninstall"


class State(StrEnum):
    """Where an entry stands."""

    NEW = "new"
    SENDING = "sending"
    DONE = "done"
    SKIPPED = "skipped"
    WAITING = "waiting"
    UNDECIDED = "undecided"
    RETRY = "retry"
    PARKED = "parked"


class Due(StrEnum):
    """Which runs write an entry: the regular ones, or a backfill with its own budget."""

    LIVE = "live"
    BACKFILL = "backfill"


@dataclass(frozen=True, slots=True)
class Observed:
    """An event as read, with the normalised subjects by which it will be found again."""

    event: Event | Unreadable
    number: str | None = None
    email: str | None = None
    customer_id: str | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """A ledger row in the hands of a flow; `event` is None when its payload is gone."""

    id: int
    connection: str
    kind: EventKind
    external_id: str
    marker: str
    event: Event | None
    state: State
    number_key: str | None
    email_key: str | None
    customer_id: str | None
    claim_no: int
    attempts: int
    sends: int
    looks: int
    topic_no: int
    heal_no: int
    occurred_at: datetime
    first_sent_at: datetime | None
    last_sent_at: datetime | None
    crm_id: str | None
    shown: str | None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was decided of an entry that is not written now; `keys`, beside its own, wake it as well."""

    entry_id: int
    state: State
    reason: str
    trace: Mapping[str, object] | None = None
    keys: Collection[str] = ()


@dataclass(frozen=True, slots=True)
class Claim:
    """An entry that is being written; `token` names the batch, `number` this claim of the entry."""

    entry: Entry
    token: str
    number: int


@dataclass(frozen=True, slots=True)
class Settlement:
    """How a claimed write ended."""

    claim: Claim
    state: State
    reason: str = ""
    crm_id: str | None = None
    shown: str | None = None
    not_before: datetime | None = None
    topic_at: datetime | None = None
    heal_at: datetime | None = None
    failed: bool = False
    trace: Mapping[str, object] | None = None


COLUMNS = (
    ledger.c.id, ledger.c.connection, ledger.c.kind, ledger.c.external_id, ledger.c.marker, ledger.c.payload_sealed,
    ledger.c.state, ledger.c.number_key, ledger.c.email_key, ledger.c.customer_id, ledger.c.claim_no,
    ledger.c.attempts, ledger.c.sends, ledger.c.looks, ledger.c.topic_no, ledger.c.heal_no, ledger.c.occurred_at,
    ledger.c.first_sent_at, ledger.c.last_sent_at, ledger.c.crm_id, ledger.c.shown,
)  # fmt: skip


class Ledger:
    """The ledger of one installation."""

    def __init__(
        self, db: Database, vault: Vault, keys: SubjectKeys, installation_id: str, clock: Clock
    ) -> None:
        """`keys` are the installation's own; nothing here reaches another tenant's rows."""
        self.db, self.vault, self.keys, self.clock = db, vault, keys, clock
        self.installation_id = installation_id
        self.mine = ledger.c.installation_id == installation_id

    # collect

    async def collect(
        self,
        connection: str,
        observed: Sequence[Observed],
        *,
        lane: Due = Due.LIVE,
        cursor_to: tuple[str, datetime] | None = None,
    ) -> int:
        """Store what is not known yet and answer how many that were.

        `cursor_to` (channel, time) belongs to the last page of a whole pass: the cursor moves in the same commit.
        """

        def work(db: Connection) -> int:
            fresh = self._unknown(db, connection, observed)
            if fresh:
                rows = [self._row(connection, item, lane) for item in fresh.values()]
                self._adopt(db, rows)
                insert = postgresql.insert if db.dialect.name == "postgresql" else sqlite.insert
                db.execute(insert(ledger).on_conflict_do_nothing(), rows)
            revived = self._revive(db, connection, observed) if lane is Due.BACKFILL else 0
            if cursor_to is not None:
                self._move_cursor(db, connection, *cursor_to)
            return len(fresh) + revived

        return await self.db.write(work)

    def _unknown(
        self, db: Connection, connection: str, observed: Sequence[Observed]
    ) -> dict[tuple[str, str], Observed]:
        fresh: dict[tuple[str, str], Observed] = {}
        for item in observed:
            fresh.setdefault((kind_of(item.event), item.event.id), item)
        for kind in {kind for kind, _ in fresh}:
            known = select(ledger.c.external_id).where(
                self.mine,
                ledger.c.connection == connection,
                ledger.c.kind == kind,
                ledger.c.external_id.in_(any_of(external for of, external in fresh if of == kind)),
            )
            for (external_id,) in db.execute(known):
                del fresh[kind, external_id]
        return fresh

    def _revive(self, db: Connection, connection: str, observed: Sequence[Observed]) -> int:
        """Have entries decided anew that were left out, or whose contents were dropped, before anything was sent.

        They get contents and subjects as they are read now.
        """
        items = {(str(kind_of(item.event)), item.event.id): item for item in observed}
        dropped = select(ledger.c.id, ledger.c.kind, ledger.c.external_id).where(
            self.mine,
            ledger.c.connection == connection,
            ledger.c.kind.in_(any_of({kind for kind, _ in items})),
            ledger.c.external_id.in_(any_of(external for _, external in items)),
            or_(ledger.c.payload_sealed.is_(None), ledger.c.state == State.SKIPPED),
            ledger.c.sends == 0,
            ledger.c.state != State.DONE,
        )
        revived = [(row.id, items[row.kind, row.external_id]) for row in db.execute(dropped)
                   if (row.kind, row.external_id) in items]  # fmt: skip
        for row_id, item in revived:
            row = self._row(connection, item, Due.BACKFILL)
            db.execute(update(ledger).where(ledger.c.id == row_id).values(row))
        return len(revived)

    async def observe_anew(self, observe: Callable[[Event], Observed]) -> int:
        """Have all that was never sent observed and decided anew; answers how many entries waited or had been left out."""
        unsent = (
            self.mine,
            ledger.c.state.in_([State.NEW, State.WAITING, State.UNDECIDED, State.SKIPPED]),
            ledger.c.sends == 0,
            ledger.c.payload_sealed.is_not(None),
        )
        live = case((ledger.c.state == State.NEW, ledger.c.lane), else_=Due.LIVE)
        query = select(ledger.c.id).where(*unsent)
        ids = list(await self.db.read(lambda db: db.scalars(query).all()))
        changed = 0
        for part in _parts(ids, 500):
            entries = await self._entries(part)
            seen = {entry.id: observe(entry.event) for entry in entries if entry.event is not None}
            statements = [
                update(ledger)
                .where(*unsent, ledger.c.id == entry_id)
                .values(state=State.NEW, reason="", lane=live, **self._subjects(item))
                for entry_id, item in seen.items()
            ]
            await self._execute(statements)
            changed += sum(entry.state is not State.NEW for entry in entries if entry.id in seen)
        return changed

    async def _entries(self, ids: Collection[int]) -> list[Entry]:
        query = select(*COLUMNS).where(ledger.c.id.in_(any_of(ids)))
        return await self.db.read(lambda db: [self.entry(row) for row in db.execute(query)])

    async def _execute(self, statements: Collection[Update]) -> int:
        return await self.db.write(lambda db: sum(db.execute(one).rowcount for one in statements))

    def _subjects(self, item: Observed) -> dict[str, str | None]:
        return {
            "customer_id": item.customer_id,
            "number_key": self.keys.key(item.number) if item.number else None,
            "email_key": self.keys.key(item.email) if item.email else None,
        }

    def _row(self, connection: str, item: Observed, lane: Due) -> dict[str, object]:
        event, kind = item.event, kind_of(item.event)
        wrong = isinstance(event, Unreadable)
        return {
            "installation_id": self.installation_id,
            "connection": connection,
            "kind": str(kind),
            "external_id": event.id,
            "occurred_at": occurred_at(event),
            "payload_sealed": self.vault.seal(pack(event)),
            **self._subjects(item),
            "marker": self.keys.marker(connection, kind, event.id),
            "state": State.PARKED if wrong else State.NEW,
            "reason": event.reason if isinstance(event, Unreadable) else "",
            "lane": lane,
            "seen_at": self.clock.now(),
            "crm_id": None,
        }

    def _adopt(self, db: Connection, rows: list[dict[str, object]]) -> None:
        """Mark as done what was found in Pipedrive when the ledger was rebuilt."""
        ours = adopted.c.installation_id == self.installation_id
        if db.scalar(select(adopted.c.marker).where(ours).limit(1)) is None:
            return
        markers = select(adopted.c.marker, adopted.c.crm_id).where(
            ours, adopted.c.marker.in_(any_of(row["marker"] for row in rows))
        )
        found = dict(db.execute(markers).all())
        for row in rows:
            if crm_id := found.get(str(row["marker"])):
                row |= {"state": State.DONE, "crm_id": crm_id, "reason": "adopted"}
        if found:
            db.execute(delete(adopted).where(ours, adopted.c.marker.in_(any_of(found))))

    # cursors

    async def cursor(self, connection: str, channel: str) -> datetime | None:
        """How far `channel` has been read in full."""
        query = select(cursor.c.until).where(
            cursor.c.installation_id == self.installation_id,
            cursor.c.connection == connection,
            cursor.c.kind == channel,
        )
        return await self.db.read(lambda db: db.scalar(query))

    def _move_cursor(self, db: Connection, connection: str, channel: str, until: datetime) -> None:
        row = {"installation_id": self.installation_id, "connection": connection, "kind": channel}
        where = [cursor.c[name] == value for name, value in row.items()]
        before = db.scalar(select(cursor.c.until).where(*where))
        if before is None:
            db.execute(cursor.insert(), {**row, "until": until})
        elif before < until:
            db.execute(update(cursor).where(*where).values(until=until))

    # decide

    async def new(self, limit: int, *, after: int = 0, lane: Due = Due.LIVE) -> list[Entry]:
        """Entries to decide in `lane`, oldest row first, above row id `after`."""
        query = (
            select(*COLUMNS)
            .where(self.mine, ledger.c.state == State.NEW, ledger.c.lane == lane, ledger.c.id > after)
            .order_by(ledger.c.id)
            .limit(limit)
        )
        return await self.db.read(lambda db: [self.entry(row) for row in db.execute(query)])

    def entry(self, row: Row[*tuple[object, ...]]) -> Entry:
        """A row of `COLUMNS` as an entry; a payload that cannot be read leaves `event` empty."""
        row_id, connection, kind, external_id, marker, sealed, state, *rest = row
        kind = EventKind(cast("str", kind))
        try:
            event = unpack(kind, self.vault.open(cast("bytes", sealed))) if sealed else None
        except (KeyError, TypeError, ValueError):
            event = None
        return Entry(row_id, connection, kind, external_id, marker, event, State(cast("str", state)), *rest)  # type: ignore[arg-type]  # COLUMNS and Entry are in step

    async def record(self, verdicts: Sequence[Verdict]) -> None:
        """Write down verdicts on entries that are still new."""
        if not verdicts:
            return
        statement = (
            update(ledger)
            .where(ledger.c.id == bindparam("row_id"), ledger.c.state == State.NEW)
            .values(
                state=bindparam("to"),
                # A verdict without a reason of its own leaves the one that stands.
                reason=func.coalesce(func.nullif(bindparam("why"), ""), ledger.c.reason),
                trace=bindparam("how"),
            )
        )
        rows = [
            {"row_id": v.entry_id, "to": v.state, "why": v.reason, "how": _json(v.trace)} for v in verdicts
        ]
        keys = [
            {"installation_id": self.installation_id, "key": key, "entry_id": v.entry_id}
            for v in verdicts
            for key in v.keys
        ]

        def work(db: Connection) -> None:
            db.execute(statement, rows)
            if keys:
                insert = postgresql.insert if db.dialect.name == "postgresql" else sqlite.insert
                db.execute(insert(waiting_keys).on_conflict_do_nothing(), keys)

        await self.db.write(work)

    # claim, settle

    async def claim(
        self, entries: Sequence[Entry], token: str, *, lease_s: float, sent_at: datetime
    ) -> list[Claim]:
        """Take entries that are still new; `sent_at` is Pipedrive's own time, from which lost ones are looked for."""
        until = self.clock.now() + timedelta(seconds=lease_s)
        by_id = {entry.id: entry for entry in entries}
        statement = (
            update(ledger)
            .where(ledger.c.id.in_(any_of(by_id)), ledger.c.state == State.NEW)
            .values(
                state=State.SENDING,
                reason="",
                owner=token,
                claim_no=ledger.c.claim_no + 1,
                sends=ledger.c.sends + 1,
                looks=0,
                lease_until=until,
                first_sent_at=func.coalesce(ledger.c.first_sent_at, sent_at),
                last_sent_at=sent_at,
            )
            .returning(ledger.c.id, ledger.c.claim_no)
        )
        taken = await self.db.write(lambda db: db.execute(statement).all())
        return [Claim(by_id[row_id], token, number) for row_id, number in taken]

    async def renew(self, tokens: Iterable[str], *, lease_s: float) -> None:
        """Hold the claims of living batches for another `lease_s` seconds."""
        statement = (
            update(ledger)
            .where(
                self.mine,
                ledger.c.state == State.SENDING,
                ledger.c.reason == "",
                ledger.c.owner.in_(any_of(tokens)),
            )
            .values(lease_until=self.clock.now() + timedelta(seconds=lease_s))
        )
        await self.db.write(lambda db: db.execute(statement) and None)

    async def give_back(self, claims: Sequence[Claim]) -> None:
        """Free claims of which no byte has left."""
        if not claims:
            return
        statement = (
            update(ledger)
            .where(ledger.c.id == bindparam("row_id"), ledger.c.claim_no == bindparam("number"))
            .where(ledger.c.state == State.SENDING, ledger.c.reason == "")
            .values(
                state=State.NEW, owner=None, lease_until=None, sends=ledger.c.sends - 1,
            )
        )  # fmt: skip
        rows = [{"row_id": claim.entry.id, "number": claim.number} for claim in claims]
        await self.db.write(lambda db: db.execute(statement, rows) and None)

    async def settle(self, settlements: Sequence[Settlement]) -> list[Settlement]:
        """End claims; answers those that came too late, whose activities may be doubles and are marked to be healed."""
        now = self.clock.now()
        rows = [
            {
                "row_id": s.claim.entry.id, "number": s.claim.number, "to": s.state, "why": s.reason,
                "activity": s.crm_id, "what": s.shown, "later": s.not_before, "topic": s.topic_at, "heal": s.heal_at,
                "failed": int(s.failed), "how": _json(s.trace),
            }
            for s in settlements
        ]  # fmt: skip
        statement = (
            update(ledger)
            .where(ledger.c.id == bindparam("row_id"), ledger.c.claim_no == bindparam("number"))
            .where(ledger.c.state == State.SENDING)
            .values(
                state=bindparam("to"),
                reason=bindparam("why"),
                crm_id=func.coalesce(bindparam("activity"), ledger.c.crm_id),
                shown=func.coalesce(bindparam("what"), ledger.c.shown),
                trace=func.coalesce(bindparam("how"), ledger.c.trace),
                not_before=bindparam("later"),
                topic_at=bindparam("topic"),
                heal_at=func.coalesce(bindparam("heal"), ledger.c.heal_at),
                attempts=ledger.c.attempts + bindparam("failed"),
                lease_until=None,
                settled_at=now,
            )
        )

        def work(db: Connection) -> list[Settlement]:
            if db.execute(statement, rows).rowcount == len(rows):
                return []
            late = self._late(db, settlements)
            if doubles := [s.claim.entry.id for s in late]:
                db.execute(update(ledger).where(ledger.c.id.in_(any_of(doubles))).values(heal_at=now))
            return late

        return await self.db.write(work) if rows else []

    def _late(self, db: Connection, settlements: Sequence[Settlement]) -> list[Settlement]:
        ids = [s.claim.entry.id for s in settlements]
        query = select(ledger.c.id, ledger.c.crm_id).where(ledger.c.id.in_(any_of(ids)))
        stands = dict(db.execute(query).all())
        return [s for s in settlements if s.crm_id is not None and stands.get(s.claim.entry.id) != s.crm_id]

    # wake, retry, expire

    async def promote(self) -> int:
        """Make retries whose time has come new again."""
        statement = (
            update(ledger)
            .where(self.mine, ledger.c.state == State.RETRY, ledger.c.not_before <= self.clock.now())
            .values(state=State.NEW, not_before=None, lane=Due.LIVE)
        )
        return await self.db.write(lambda db: db.execute(statement).rowcount)

    async def wake(self, *, keys: Collection[str] = (), customer_ids: Collection[str] = ()) -> int:
        """Have waiting and undecided entries of these subjects decided again."""
        about = []
        if keys:
            noted = select(waiting_keys.c.entry_id).where(
                waiting_keys.c.installation_id == self.installation_id, waiting_keys.c.key.in_(any_of(keys))
            )
            about += [column.in_(any_of(keys)) for column in (ledger.c.number_key, ledger.c.email_key)]
            about.append(ledger.c.id.in_(noted))
        if customer_ids:
            about.append(ledger.c.customer_id.in_(any_of(customer_ids)))
        if not about:
            return 0
        # One statement for each, since each has an index of its own, which none has for all of them.
        awake = {"state": State.NEW, "reason": "", "lane": Due.LIVE}
        statements = [update(ledger).where(self.mine, text(ASLEEP), one).values(awake) for one in about]
        return await self._execute(statements)

    async def wake_all(self) -> int:
        """Have everything that waits decided again: a net below the wakes that follow single changes."""
        statement = update(ledger).where(self.mine, ledger.c.state == State.WAITING)
        return await self.db.write(
            lambda db: db.execute(statement.values(state=State.NEW, lane=Due.LIVE)).rowcount
        )

    async def retry_parked(self, ids: Collection[int] | None = None) -> int:
        """Have parked entries decided again: these, or all but those that may have been written."""
        chosen = ledger.c.reason != UNSEEN if ids is None else ledger.c.id.in_(any_of(ids))
        statement = (
            update(ledger)
            .where(self.mine, ledger.c.state == State.PARKED, ledger.c.payload_sealed.is_not(None), chosen)
            .values(state=State.NEW, attempts=0, lane=Due.LIVE)
        )
        return await self.db.write(lambda db: db.execute(statement).rowcount)

    async def purge(self, keep_days: int) -> None:
        """End the wait of entries, and drop the payloads of all, that are older than `keep_days`.

        Keys by which nothing waits any more go with them.
        """
        before = self.clock.now() - timedelta(days=keep_days)
        old = (self.mine, ledger.c.seen_at < before)
        waiting = ledger.c.state.in_([State.WAITING, State.UNDECIDED])
        ended = ledger.c.state.in_([State.DONE, State.SKIPPED, State.PARKED])

        def work(db: Connection) -> None:
            db.execute(update(ledger).where(*old, waiting).values(state=State.SKIPPED, reason="expired"))
            db.execute(
                update(ledger)
                .where(*old, ended, ledger.c.payload_sealed.is_not(None))
                .values(payload_sealed=None)
            )
            asleep = select(ledger.c.id).where(self.mine, text(ASLEEP))
            db.execute(
                delete(waiting_keys).where(
                    waiting_keys.c.installation_id == self.installation_id,
                    waiting_keys.c.entry_id.not_in(asleep),
                )
            )

        await self.db.write(work)

    # look

    async def counts(self, window: Window | None = None) -> dict[str, int]:
        """Number of entries in each state."""
        within = (
            []
            if window is None
            else [ledger.c.occurred_at >= window.since, ledger.c.occurred_at < window.until]
        )
        query = select(ledger.c.state, func.count()).where(self.mine, *within).group_by(ledger.c.state)
        found: dict[str, int] = await self.db.read(lambda db: dict(db.execute(query).all()))
        return {state: found.get(state, 0) for state in State}

    async def within(self, window: Window) -> list[Entry]:
        """Entries of a period, without their payloads."""
        columns = [null() if column is ledger.c.payload_sealed else column for column in COLUMNS]
        query = select(*columns).where(
            self.mine, ledger.c.occurred_at >= window.since, ledger.c.occurred_at < window.until
        )
        return await self.db.read(lambda db: [self.entry(row) for row in db.execute(query)])

    async def adopt(self, activities: Mapping[str, str]) -> int:
        """Take activities of ours (marker to id) as written; answers how many entries that settled.

        Entries that are being sent are left to their own settlement, or to the look that follows.
        """
        if not activities:
            return 0
        rows = [
            {"installation_id": self.installation_id, "marker": marker, "crm_id": crm_id}
            for marker, crm_id in activities.items()
        ]
        ours = adopted.c.installation_id == self.installation_id
        same = select(adopted.c.crm_id).where(ours, adopted.c.marker == ledger.c.marker).scalar_subquery()
        written = (
            update(ledger)
            .where(self.mine, ledger.c.state.in_(set(State) - {State.DONE, State.SENDING}))
            .where(ledger.c.marker.in_(select(adopted.c.marker).where(ours)))
            .values(state=State.DONE, crm_id=same, reason="adopted", claim_no=ledger.c.claim_no + 1)
        )

        def look(db: Connection) -> list[str]:
            asked = (
                select(ledger.c.marker).where(self.mine, ledger.c.marker.in_(any_of(part)))
                for part in _parts(activities)
            )
            return [marker for query in asked for marker in db.scalars(query)]

        def forget(db: Connection, markers: Iterable[str]) -> None:
            for part in _parts(markers):
                db.execute(delete(adopted).where(ours, adopted.c.marker.in_(any_of(part))))

        def work(db: Connection) -> int:
            forget(db, activities)
            db.execute(adopted.insert(), rows)
            settled = db.execute(written).rowcount
            # Only what is not known yet has to be remembered: collecting asks for it as long as there is any.
            forget(db, known)
            return settled

        known = await self.db.read(look)
        return await self.db.write(work)


def _parts(values: Iterable[T], size: int = _AT_ONCE) -> list[list[T]]:
    every = list(values)
    return [every[start : start + size] for start in range(0, len(every), size)]


def _json(trace: Mapping[str, object] | None) -> str | None:
    return None if trace is None else orjson.dumps(trace).decode()
