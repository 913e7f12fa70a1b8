"""What comes into the ledger: events as they are read, each once, and activities of ours that Pipedrive has."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import TypeVar, cast

from sqlalchemy import ColumnElement, Connection, Row, Update, and_, case, delete, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from connector.clock import Clock
from connector.records import Event, EventKind, Unreadable
from connector.store.bindings import CUSTOMER
from connector.store.database import Database, any_of
from connector.store.entries import COLUMNS, Due, Entry, Observed, State, ledger
from connector.store.payloads import kind_of, occurred_at, pack, unpack
from connector.store.suppressed import ERASED_ON_REQUEST, record_key, suppressed_among
from connector.store.tables import Adopted, Cursor, table_of
from connector.store.vault import SubjectKeys, Vault

T = TypeVar("T")

adopted = table_of(Adopted)
cursor = table_of(Cursor)

#: Markers that are looked up by one statement.
_AT_ONCE = 10_000
#: Events kept at hand from being stored until they are decided, which is mostly the same run.
_AT_HAND = 3_000


class Intake:
    """The way into the ledger of one installation."""

    def __init__(
        self, db: Database, vault: Vault, keys: SubjectKeys, installation_id: str, clock: Clock
    ) -> None:
        """`keys` are the installation's own; nothing here reaches another tenant's rows."""
        self.db, self.vault, self.keys, self.clock = db, vault, keys, clock
        self.installation_id = installation_id
        self.mine = ledger.c.installation_id == installation_id
        self._at_hand: dict[str, Event] = {}

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
                self._keep_nothing_of(db, rows)
                insert = postgresql.insert if db.dialect.name == "postgresql" else sqlite.insert
                db.execute(insert(ledger).on_conflict_do_nothing(), rows)
                self._keep_at_hand(fresh.values(), rows)
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
            left_out(),
        )
        revived = [(row.id, items[row.kind, row.external_id]) for row in db.execute(dropped)
                   if (row.kind, row.external_id) in items]  # fmt: skip
        rows = [self._row(connection, item, Due.BACKFILL) for _, item in revived]
        self._keep_nothing_of(db, rows)
        for (row_id, _), row in zip(revived, rows, strict=True):
            db.execute(update(ledger).where(ledger.c.id == row_id).values(row))
        return sum(row["state"] != State.SKIPPED for row in rows)

    def _keep_nothing_of(self, db: Connection, rows: Sequence[dict[str, object]]) -> None:
        """Empty the rows of those who were erased on request: only that there was an event is kept."""
        subjects = [
            {
                str(key)
                for key in (row["number_key"], row["email_key"], _customer_key(self.keys, row))
                if key is not None
            }
            for row in rows
        ]
        gone = suppressed_among(db, self.installation_id, set().union(*subjects))
        for row, keys in zip(rows, subjects, strict=True):
            if gone & keys:
                row.update(dict.fromkeys(("payload_sealed", "number_key", "email_key", "customer_id")))
                if row["state"] != State.DONE:
                    row.update(state=State.SKIPPED, reason=ERASED_ON_REQUEST)

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
                .values(state=State.NEW, reason="", lane=live, **self.subjects(item))
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

    def subjects(self, item: Observed) -> dict[str, str | None]:
        """Whom an event concerns, as the columns of an entry: his id, and keyed hashes of his number and address."""
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
            **self.subjects(item),
            "marker": self.keys.marker(connection, kind, event.id),
            "state": State.PARKED if wrong else State.NEW,
            "reason": event.reason if isinstance(event, Unreadable) else "",
            "lane": lane,
            "seen_at": self.clock.now(),
            "crm_id": None,
        }

    def _keep_at_hand(self, items: Iterable[Observed], rows: Iterable[Mapping[str, object]]) -> None:
        for item, row in zip(items, rows, strict=True):
            is_kept = row["payload_sealed"] is not None and not isinstance(item.event, Unreadable)
            if is_kept and len(self._at_hand) < _AT_HAND:
                self._at_hand[str(row["marker"])] = cast("Event", item.event)

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

    # adopt

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

    # read back

    def entry(self, row: Row[*tuple[object, ...]]) -> Entry:
        """A row of `COLUMNS` as an entry; a payload that cannot be read leaves `event` empty."""
        row_id, connection, kind, external_id, marker, sealed, state, *rest = row
        kind = EventKind(cast("str", kind))
        event = self._at_hand.pop(cast("str", marker), None) if sealed else None
        if event is None and sealed:
            with suppress(KeyError, TypeError, ValueError):
                event = unpack(kind, self.vault.open(cast("bytes", sealed)))
        return Entry(row_id, connection, kind, external_id, marker, event, State(cast("str", state)), *rest)  # type: ignore[arg-type]  # COLUMNS and Entry are in step


def _customer_key(keys: SubjectKeys, row: Mapping[str, object]) -> str | None:
    """What stands for the customer of a row among those who are to stay away."""
    customer = row["customer_id"]
    return None if customer is None else record_key(keys, CUSTOMER, f"{row['connection']}/{customer}")


def left_out() -> ColumnElement[bool]:
    """Entries that were left out, or whose contents were dropped, before anything was sent: a backfill brings them."""
    return and_(
        or_(ledger.c.payload_sealed.is_(None), ledger.c.state == State.SKIPPED),
        ledger.c.sends == 0,
        ledger.c.state != State.DONE,
    )


def _parts(values: Iterable[T], size: int = _AT_ONCE) -> list[list[T]]:
    every = list(values)
    return [every[start : start + size] for start in range(0, len(every), size)]
