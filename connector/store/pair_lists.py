"""Lists of pairs for pages: of any length, a page at a time, each question answered from an index."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import orjson
from sqlalchemy import ColumnElement, Connection, Row, TextClause, func, select, text

from connector.store.bindings import COMPANY, CUSTOMER, Bond
from connector.store.database import Database
from connector.store.entries import ledger
from connector.store.tables import ODD, Binding, table_of

bindings = table_of(Binding)

LACKING = "lacking"
MOST_EVENTS = 10_000


@dataclass(frozen=True, slots=True)
class Listed:
    """One binding as a list shows it: without what both sides held."""

    entity: str
    centre_id: str
    crm_id: str
    state: Bond
    card_id: str | None
    problems: tuple[Mapping[str, str], ...]
    bound_at: datetime
    in_step_at: datetime | None


class PairLists:
    """Reads for every installation; writes nothing."""

    def __init__(self, db: Database) -> None:
        """Read from `db`."""
        self._db = db

    async def listed(
        self,
        installation_id: str,
        entity: str,
        *,
        state: Bond | None = None,
        lacking: bool = False,
        after: str = "",
        limit: int,
    ) -> list[Listed]:
        """Bindings of a kind by their keys: all, those of a state, or pairs that are `lacking` a field."""
        where: list[ColumnElement[bool] | TextClause] = [
            bindings.c.installation_id == installation_id,
            bindings.c.entity == entity,
            bindings.c.centre_id > after,
        ]
        if lacking:
            where += [text(f"({ODD})"), bindings.c.problems != "[]", bindings.c.state == Bond.BOUND]
        elif state in (Bond.ALIAS, Bond.GONE):
            where += [text(f"({ODD})"), bindings.c.state == state]
        elif state is not None:
            where.append(bindings.c.state == state)
        query = select(*_LISTED).where(*where).order_by(bindings.c.centre_id).limit(limit)
        return [_listed(row) for row in await self._db.read(lambda db: db.execute(query).all())]

    async def sizes(self, installation_id: str) -> dict[str, int]:
        """How many pairs there are of each kind, and how many bindings are `alias`, `gone` and `lacking` a field."""
        mine = bindings.c.installation_id == installation_id
        kinds = select(bindings.c.entity, func.count()).where(mine).group_by(bindings.c.entity)
        lacking = bindings.c.problems != "[]"
        odd = (
            select(bindings.c.entity, bindings.c.state, lacking, func.count())
            .where(mine, text(f"({ODD})"))
            .group_by(bindings.c.entity, bindings.c.state, lacking)
        )

        def work(db: Connection) -> dict[str, int]:
            found = dict.fromkeys((CUSTOMER, COMPANY, Bond.ALIAS, Bond.GONE, LACKING), 0)
            # Asked for the state as well, SQLite would read every row.
            found |= dict(db.execute(kinds).all())
            for entity, state, lacks, number in db.execute(odd):
                if state == Bond.BOUND:
                    found[LACKING] += number if lacks else 0
                else:
                    found[entity] -= number
                    found[state] += number
            return found

        return await self._db.read(work)

    async def events_of(self, installation_id: str, customer_id: str) -> int:
        """How many events name a customer by the id that the contact centre gave him, `MOST_EVENTS` at most."""
        where = (ledger.c.installation_id == installation_id, ledger.c.customer_id == customer_id)
        some = select(ledger.c.customer_id).where(*where).limit(MOST_EVENTS).subquery()
        return await self._db.read(lambda db: db.scalar(select(func.count()).select_from(some)) or 0)


_LISTED = [bindings.c[name] for name in Listed.__slots__]


def _listed(row: Row[tuple[object, ...]]) -> Listed:
    kept = dict(row._mapping)
    problems = tuple(orjson.loads(kept.pop("problems")))
    return Listed(**kept | {"state": Bond(kept["state"]), "problems": problems})
