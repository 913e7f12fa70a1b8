"""Deals that are opened once: claimed before anything is sent, kept until it is known what came of it, linked back.

Every change compares what it saw (the claim, the number of looks), so that two tabs or processes may work here at once.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta

import orjson
from sqlalchemy import ColumnElement, Connection, Row, case, or_, select, text, update

from connector.clock import Clock
from connector.store.database import Database, any_of
from connector.store.opened import Link, OpenedRow, State
from connector.store.tables import HEALING, OpenedDeal, table_of
from connector.store.vault import SubjectKeys, Vault

opened = table_of(OpenedDeal)

#: Said in SQL's own words, as SQLite takes the partial index for no bound value.
_SENDING, _DUE = text("state = 'sending'"), text("link_state = 'due'")


class Deals:
    """The opened deals of one installation."""

    def __init__(
        self, db: Database, vault: Vault, keys: SubjectKeys, installation_id: str, clock: Clock
    ) -> None:
        """Work on one installation's rows only; `keys` make its markers."""
        self._db, self._vault, self._keys, self._clock = db, vault, keys, clock
        self._installation_id = installation_id
        self._mine = opened.c.installation_id == installation_id

    async def claim(
        self,
        source: str,
        ordinal: int,
        *,
        customer_id: str,
        ticket_id: str | None,
        made_by: str | None,
        request_key: str | None,
        body: Mapping[str, object],
        lease_s: float,
    ) -> tuple[OpenedRow, bool]:
        """Take the place of a deal; answers what stands there, and whether it is ours to go on with.

        A place is free where nothing is, where it was refused or is gone, or where nothing was sent and nobody holds it.
        A request that is known by its key keeps the place that it took first.
        """
        now = self._clock.now()
        values = {
            "customer_id": customer_id, "ticket_id": ticket_id, "made_by": made_by, "request_key": request_key,
            "body_sealed": self._seal(body), "state": State.SENDING, "reason": "", "deal_id": None, "person_id": None,
            "organization_id": None, "made_at": now, "lease_until": now + timedelta(seconds=lease_s),
            "server_time": now, "looks": 0, "not_before": None, "link_state": Link.NONE, "link_reason": "",
            "link_attempts": 0, "link_not_before": None,
        }  # fmt: skip

        def work(db: Connection) -> tuple[OpenedRow, bool]:
            place = self._of(source, ordinal)
            if request_key is not None:
                of_key = select(opened).where(self._mine, opened.c.request_key == request_key)
                known = db.execute(of_key).one_or_none()
                if known is not None and (known.source != source or known.state == State.GONE):
                    return self._row(known), False
                place = place if known is None else self._of(source, known.ordinal)
            found = db.execute(select(opened).where(*place)).one_or_none()
            before = None if found is None else self._row(found)
            if before is None:
                key = {"installation_id": self._installation_id, "source": source, "ordinal": ordinal}
                marker = self._keys.marker(source, "deal", str(ordinal))
                db.execute(opened.insert(), key | values | {"marker": marker, "claim_no": 1})
            elif before.is_free(now):
                marker = before.marker
                if before.state is State.GONE:
                    # One that is restored in Pipedrive must not be taken for the new one.
                    marker = self._keys.marker(source, "deal", f"{before.ordinal} after {before.deal_id}")
                fresh = values | {"marker": marker, "claim_no": before.claim_no + 1}
                db.execute(update(opened).where(*place).values(**fresh))
            else:
                return before, False
            return self._row(db.execute(select(opened).where(*place)).one()), True

        return await self._db.write(work)

    async def find(self, source: str, ordinal: int) -> OpenedRow | None:
        """What stands at this place."""
        return next(iter(await self._rows(*self._of(source, ordinal))), None)

    async def by_request(self, request_key: str) -> OpenedRow | None:
        """What a request made, by its key."""
        return next(iter(await self._rows(self._mine, opened.c.request_key == request_key)), None)

    async def of_ticket(self, ticket_id: str) -> list[OpenedRow]:
        """What was opened from a ticket, in order."""
        return await self._rows(self._mine, opened.c.ticket_id == ticket_id)

    async def of_deal(self, deal_id: str) -> list[OpenedRow]:
        """The rows of one deal, gone ones too."""
        return await self._rows(self._mine, opened.c.deal_id == deal_id)

    async def known(self, deal_ids: Sequence[str]) -> set[str]:
        """Those of these deals that are somebody's."""
        if not deal_ids:
            return set()
        query = select(opened.c.deal_id).where(self._mine, opened.c.deal_id.in_(any_of(deal_ids)))
        return set(await self._db.read(lambda db: db.scalars(query).all()))

    async def due(self, limit: int = 100) -> list[OpenedRow]:
        """What is under way and nobody holds, its time having come."""
        now = self._clock.now()
        return await self._rows(
            self._mine, _SENDING, opened.c.lease_until <= now,
            or_(opened.c.not_before.is_(None), opened.c.not_before <= now), limit=limit,
        )  # fmt: skip

    async def under_way_for(self, customer_id: str) -> list[OpenedRow]:
        """What is under way for a customer, sent or not."""
        return await self._rows(self._mine, _SENDING, opened.c.customer_id == customer_id)

    async def made_for(self, customer_id: str, *, since: datetime) -> set[str]:
        """The deals of a customer that stand and were claimed since then."""
        query = select(opened.c.deal_id).where(
            self._mine, opened.c.customer_id == customer_id, opened.c.made_at >= since, opened.c.state == State.MADE
        )  # fmt: skip
        return set(await self._db.read(lambda db: db.scalars(query).all()))

    # from the claim to its end

    async def retake(self, row: OpenedRow, *, lease_s: float) -> OpenedRow | None:
        """Go on with what was never sent; None when somebody else was faster."""
        now = self._clock.now()
        return await self._take(
            row,
            claim_no=row.claim_no + 1,
            lease_until=now + timedelta(seconds=lease_s),
            not_before=None,
            reason="",
        )

    async def arm(
        self,
        row: OpenedRow,
        *,
        body: Mapping[str, object],
        person_id: str | None,
        organization_id: str | None,
        server_time: datetime,
        lease_s: float,
    ) -> OpenedRow | None:
        """Write down what is about to be sent, and for whom; None when the claim is no longer ours."""
        until = self._clock.now() + timedelta(seconds=lease_s)
        return await self._take(
            row,
            body_sealed=self._seal(body),
            person_id=person_id,
            organization_id=organization_id,
            server_time=server_time,
            lease_until=until,
            looks=0,
        )

    async def renew(self, row: OpenedRow, *, server_time: datetime, lease_s: float) -> OpenedRow | None:
        """Claim once more what two looks did not find; None when somebody else was faster."""
        until = self._clock.now() + timedelta(seconds=lease_s)
        return await self._take(
            row, claim_no=row.claim_no + 1, looks=0, not_before=None, server_time=server_time, lease_until=until,
            reason="",
        )  # fmt: skip

    async def wait(self, row: OpenedRow, reason: str, *, until: datetime) -> bool:
        """Nothing was sent, and nothing can be before `until`."""
        now = self._clock.now()
        free = {"person_id": None, "organization_id": None}
        return await self._change(
            row, **free, reason=reason, lease_until=now, not_before=until, looks=row.looks + 1
        )

    async def doubt(self, row: OpenedRow, reason: str, *, look_at: datetime) -> bool:
        """No answer came: it is looked for from `look_at` on."""
        return await self._change(row, reason=reason, lease_until=self._clock.now(), not_before=look_at)

    async def not_found(self, row: OpenedRow, *, look_at: datetime) -> bool:
        """It was looked for once more and is not there; False when that is known already."""
        return await self._change(row, looks=row.looks + 1, not_before=look_at)

    async def settle(self, row: OpenedRow, deal_id: str, *, heal_at: datetime | None) -> bool:
        """The deal is made; False when another claim has taken over meanwhile.

        What was sent is kept until a double of it is no longer looked for.
        """
        due = Link.NONE if row.ticket_id is None else Link.DUE
        sent = {} if heal_at is not None else {"body_sealed": None}
        return await self._change(
            row, **sent, state=State.MADE, deal_id=deal_id, reason="", looks=0, not_before=heal_at, link_state=due,
            link_not_before=self._clock.now(),
        )  # fmt: skip

    async def refuse(self, row: OpenedRow, reason: str) -> bool:
        """Nothing was made, and the place is free; without a reason as if nobody had tried."""
        return await self._change(row, state=State.REFUSED, reason=reason, body_sealed=None, not_before=None)

    async def to_heal(self, limit: int = 50) -> list[OpenedRow]:
        """Deals that were sent more than once, of which a double is to be looked for now."""
        return await self._rows(
            self._mine, text(HEALING), opened.c.not_before <= self._clock.now(), limit=limit
        )

    async def healed(self, row: OpenedRow, *, next_at: datetime | None) -> None:
        """Doubles were looked for; without a next time for the last time."""
        sent = {} if next_at is not None else {"body_sealed": None}
        await self._heal(row, **sent, looks=row.looks + 1, not_before=next_at)

    async def heal_later(self, row: OpenedRow, *, next_at: datetime) -> None:
        """Doubles could not be looked for."""
        await self._heal(row, not_before=next_at)

    async def _heal(self, row: OpenedRow, **values: object) -> None:
        where = (
            *self._of(row.source, row.ordinal),
            opened.c.state == State.MADE,
            opened.c.looks == row.looks,
        )
        await self._db.write(lambda db: db.execute(update(opened).where(*where).values(**values)) and None)

    # what becomes of a deal in Pipedrive

    async def gone(self, deal_id: str) -> int:
        """A deal was deleted: its place is free, and its ticket shows the next that stands."""
        values = {"state": State.GONE, "link_state": Link.NONE, "body_sealed": None, "not_before": None}
        changed = await self._of_deal(deal_id, [State.MADE], values)
        for row in await self.of_deal(deal_id) if changed else []:
            await self._show_next(row)
        return changed

    async def restored(self, deal_id: str) -> int:
        """A deal that was gone is there again, its place not having been taken; the ticket shows it again."""
        return await self._of_deal(deal_id, [State.GONE], self._stands())

    async def follow_merge(self, deal_id: str, *, into: str) -> int:
        """A deal was merged into another: that is the one that was opened here."""
        return await self._of_deal(deal_id, [State.MADE, State.GONE], self._stands() | {"deal_id": into})

    async def _show_next(self, gone: OpenedRow) -> None:
        """Have the link field of a ticket filled anew, which the first deal has that stands."""
        standing = [row for row in await self.of_ticket(gone.ticket_id or "") if row.stands]
        if standing and standing[0].state is State.MADE and standing[0].ordinal > gone.ordinal:
            of_next = (*self._of(standing[0].source, standing[0].ordinal), opened.c.state == State.MADE)
            await self._db.write(
                lambda db: db.execute(update(opened).where(*of_next).values(**self._stands())) and None
            )

    def _stands(self) -> dict[str, object]:
        """A deal that stands; what was opened from no ticket has no link."""
        link = case((opened.c.ticket_id.is_(None), Link.NONE), else_=Link.DUE)
        return {
            "state": State.MADE, "link_state": link, "link_attempts": 0, "link_reason": "",
            "link_not_before": self._clock.now(),
        }  # fmt: skip

    async def _of_deal(self, deal_id: str, states: Collection[State], values: Mapping[str, object]) -> int:
        where = (self._mine, opened.c.deal_id == deal_id, opened.c.state.in_(states))
        return await self._db.write(
            lambda db: db.execute(update(opened).where(*where).values(**values)).rowcount
        )

    # the link back

    async def links_due(self, limit: int = 50) -> list[OpenedRow]:
        """Deals whose address their ticket does not show yet, the time for it having come."""
        now = self._clock.now()
        return await self._rows(
            self._mine, _DUE, or_(opened.c.link_not_before.is_(None), opened.c.link_not_before <= now), limit=limit
        )  # fmt: skip

    async def begin_link(self, row: OpenedRow, *, lease_s: float) -> bool:
        """Take the writing of one link; False when somebody else has it."""
        until = self._clock.now() + timedelta(seconds=lease_s)
        seen = opened.c.link_not_before.is_not_distinct_from(row.link_not_before)
        return await self._link(row, seen, link_not_before=until)

    async def linked(self, row: OpenedRow, how: Link) -> bool:
        """The ticket shows the deal's address."""
        return await self._link(row, link_state=how, link_reason="", link_not_before=None)

    async def not_linked(self, row: OpenedRow, reason: str, *, again_at: datetime | None) -> bool:
        """It could not be written; without a next time it is given up."""
        state = Link.DUE if again_at is not None else Link.FAILED
        return await self._link(
            row,
            link_state=state,
            link_reason=reason,
            link_attempts=row.link_attempts + 1,
            link_not_before=again_at,
        )

    async def retry_links(self, given_up: str, *, since: datetime) -> None:
        """Have links written once more that were given up for this reason, of deals made since then."""
        where = (
            self._mine, opened.c.link_state == Link.FAILED, opened.c.link_reason == given_up, opened.c.made_at >= since
        )  # fmt: skip
        values = {"link_state": Link.DUE, "link_not_before": self._clock.now()}
        await self._db.write(lambda db: db.execute(update(opened).where(*where).values(**values)) and None)

    async def retry_link(self, source: str, ordinal: int) -> OpenedRow | None:
        """Have one link written once more that was given up, because a person wants it; None where it was not."""
        values = {"link_state": Link.DUE, "link_attempts": 0, "link_not_before": self._clock.now()}
        failed = (
            *self._of(source, ordinal),
            opened.c.state == State.MADE,
            opened.c.link_state == Link.FAILED,
        )

        def work(db: Connection) -> Row[tuple[object, ...]] | None:
            if not db.execute(update(opened).where(*failed).values(**values)).rowcount:
                return None
            return db.execute(select(opened).where(*self._of(source, ordinal))).one()

        found = await self._db.write(work)
        return None if found is None else self._row(found)

    async def _link(self, row: OpenedRow, *also: ColumnElement[bool], **values: object) -> bool:
        where = (
            *self._of(row.source, row.ordinal), opened.c.claim_no == row.claim_no, opened.c.deal_id == row.deal_id,
            opened.c.link_state == Link.DUE, opened.c.link_attempts == row.link_attempts, *also,
        )  # fmt: skip
        return bool(
            await self._db.write(
                lambda db: db.execute(update(opened).where(*where).values(**values)).rowcount
            )
        )

    # helpers

    async def _change(self, row: OpenedRow, **values: object) -> bool:
        return await self._take(row, **values) is not None

    async def _take(self, row: OpenedRow, **values: object) -> OpenedRow | None:
        """Change what is under way and is as it was seen; None when it is not."""
        where = (
            *self._of(row.source, row.ordinal), opened.c.state == State.SENDING, opened.c.claim_no == row.claim_no,
            opened.c.looks == row.looks,
        )  # fmt: skip

        def work(db: Connection) -> Row[tuple[object, ...]] | None:
            if not db.execute(update(opened).where(*where).values(**values)).rowcount:
                return None
            return db.execute(select(opened).where(*self._of(row.source, row.ordinal))).one()

        found = await self._db.write(work)
        return None if found is None else self._row(found)

    async def _rows(self, *where: object, limit: int = 500) -> list[OpenedRow]:
        query = select(opened).where(*where).limit(limit)  # type: ignore[arg-type]  # conditions
        rows = await self._db.read(lambda db: db.execute(query).all())
        # Sorted here: asked to, SQLite would read every row there is in that order.
        return sorted((self._row(row) for row in rows), key=lambda row: (row.source, row.ordinal))

    def _of(self, source: str, ordinal: int) -> tuple[ColumnElement[bool], ...]:
        return self._mine, opened.c.source == source, opened.c.ordinal == ordinal

    def _seal(self, body: Mapping[str, object]) -> bytes:
        return self._vault.seal(orjson.dumps(body))

    def _row(self, row: Row[tuple[object, ...]]) -> OpenedRow:
        kept = row._mapping
        fields = {name: kept[name] for name in OpenedRow.__slots__ if name != "body"}
        sealed = kept["body_sealed"]
        read = {
            "body": None if sealed is None else orjson.loads(self._vault.open(sealed)),
            "state": State(kept["state"]), "link_state": Link(kept["link_state"]),
        }  # fmt: skip
        return OpenedRow(**fields | read)
