"""The ledger: each event of the contact centre once, and what became of it.

An entry is written to Pipedrive only under a claim that was committed before the first byte left. A claim ends by
`settle`; one that is never settled runs out and is then looked for, see `store/doubts.py`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta

import orjson
from sqlalchemy import Connection, and_, bindparam, delete, func, not_, null, select, text, update
from sqlalchemy.dialects import postgresql, sqlite

from connector.records import EventKind, Window
from connector.store.database import any_of
from connector.store.entries import COLUMNS, UNSEEN, Claim, Due, Entry, Settlement, State, Verdict, ledger
from connector.store.intake import Intake, left_out
from connector.store.tables import ASLEEP, WaitingKey, table_of

waiting_keys = table_of(WaitingKey)

_NOT_WRITTEN = (State.SKIPPED, State.WAITING, State.UNDECIDED, State.RETRY, State.PARKED)


class Ledger(Intake):
    """The ledger of one installation."""

    # decide

    async def new(
        self, limit: int, *, after: int = 0, lane: Due = Due.LIVE, only: int | None = None
    ) -> list[Entry]:
        """Entries to decide in `lane`, oldest row first, above row id `after`; or `only` that one."""
        chosen = [ledger.c.id > after] if only is None else [ledger.c.id > after, ledger.c.id == only]
        query = (
            select(*COLUMNS)
            .where(self.mine, ledger.c.state == State.NEW, ledger.c.lane == lane, *chosen)
            .order_by(ledger.c.id)
            .limit(limit)
        )
        entries = await self.db.read(lambda db: [self.entry(row) for row in db.execute(query)])
        if not entries:
            # What is still at hand was decided by another process.
            self._at_hand.clear()
        return entries

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

    async def decide_anew(self, entry_id: int) -> bool:
        """Have one entry decided again that was left out, waits or failed, but not what may have been written."""
        kept = (ledger.c.payload_sealed.is_not(None), ledger.c.reason != UNSEEN)
        statement = (
            update(ledger)
            .where(self.mine, ledger.c.id == entry_id, ledger.c.state.in_(_NOT_WRITTEN), *kept)
            .values(state=State.NEW, attempts=0, not_before=None, lane=Due.LIVE)
        )
        return await self.db.write(lambda db: db.execute(statement).rowcount) == 1

    async def find(self, connection: str, kind: EventKind, external_id: str) -> Entry | None:
        """The entry of one event, if it is known."""
        query = select(*COLUMNS).where(
            self.mine, ledger.c.connection == connection, ledger.c.kind == kind, ledger.c.external_id == external_id
        )  # fmt: skip
        row = await self.db.read(lambda db: db.execute(query).one_or_none())
        return None if row is None else self.entry(row)

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

    async def settled(self, connection: str, kind: str, external_ids: Collection[str]) -> int:
        """How many of these events a backfill would not bring: known, and neither left out nor waiting for one."""
        if not external_ids:
            return 0
        query = select(func.count()).where(
            self.mine, ledger.c.connection == connection, ledger.c.kind == kind,
            ledger.c.external_id.in_(any_of(external_ids)),
            not_(and_(ledger.c.lane == Due.BACKFILL, ledger.c.state == State.NEW)),
            not_(left_out()),
        )  # fmt: skip
        return await self.db.read(lambda db: db.scalar(query) or 0)

    async def latest(self, limit: int, states: Collection[State] = tuple(State)) -> list[Entry]:
        """The entries in these states whose events happened last, newest first, as far as their contents are kept."""

        def work(db: Connection) -> list[Entry]:
            found = []
            # One step in an index for each, where all together would sort the whole ledger.
            for kind in EventKind:
                for state in states:
                    query = (
                        select(*COLUMNS)
                        .where(self.mine, ledger.c.kind == kind, ledger.c.state == state)
                        .order_by(ledger.c.occurred_at.desc())
                        .limit(limit)
                    )
                    found += [row for row in db.execute(query) if row.payload_sealed is not None]
            newest = sorted(found, key=lambda row: (row.occurred_at, row.id), reverse=True)[:limit]
            return [self.entry(row) for row in newest]

        return await self.db.read(work)

    async def within(self, window: Window) -> list[Entry]:
        """Entries of a period, without their payloads."""
        columns = [null() if column is ledger.c.payload_sealed else column for column in COLUMNS]
        query = select(*columns).where(
            self.mine, ledger.c.occurred_at >= window.since, ledger.c.occurred_at < window.until
        )
        return await self.db.read(lambda db: [self.entry(row) for row in db.execute(query)])


def _json(trace: Mapping[str, object] | None) -> str | None:
    return None if trace is None else orjson.dumps(trace).decode()
