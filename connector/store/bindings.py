"""Bindings: this customer of the contact centre is that person in Pipedrive."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime

from sqlalchemy import Connection, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite

from connector.store.database import Database, any_of
from connector.store.tables import Binding, table_of

bindings = table_of(Binding)

CUSTOMER = "customer"


class Bindings:
    """The bindings of one installation; a customer's id is prefixed with its connection, since ids repeat."""

    def __init__(self, db: Database, installation_id: str) -> None:
        """Work on one installation's rows only."""
        self._db, self._installation_id = db, installation_id
        self._mine = bindings.c.installation_id == installation_id

    async def persons(self, customers: Collection[str]) -> dict[str, str]:
        """The person of each customer that has one."""
        if not customers:
            return {}
        query = select(bindings.c.centre_id, bindings.c.crm_id).where(
            self._mine, bindings.c.entity == CUSTOMER, bindings.c.centre_id.in_(any_of(customers))
        )
        return await self._db.read(lambda db: dict(db.execute(query).all()))

    async def bind(self, pairs: Mapping[str, str], *, at: datetime) -> None:
        """Bind customers to persons; a customer that is bound already stays as it is."""
        if not pairs:
            return
        rows = [
            {
                "installation_id": self._installation_id, "entity": CUSTOMER, "centre_id": customer, "crm_id": person,
                "alias": False, "bound_at": at,
            }
            for customer, person in pairs.items()
        ]  # fmt: skip

        def work(db: Connection) -> None:
            insert = postgresql.insert if db.dialect.name == "postgresql" else sqlite.insert
            db.execute(insert(bindings).on_conflict_do_nothing(), rows)

        await self._db.write(work)

    async def unbind(self, customer: str) -> None:
        """Forget whose a customer is."""
        where = (self._mine, bindings.c.entity == CUSTOMER, bindings.c.centre_id == customer)
        await self._db.write(lambda db: db.execute(delete(bindings).where(*where)) and None)

    async def follow_merge(self, person_id: str, *, into: str) -> list[str]:
        """Bind the customers of a merged person to its survivor, as aliases where that has one; answers who moved."""
        moved = (self._mine, bindings.c.entity == CUSTOMER, bindings.c.crm_id == person_id)

        def work(db: Connection) -> list[str]:
            customers = list(db.scalars(select(bindings.c.centre_id).where(*moved)).all())
            taken = db.scalar(
                select(bindings.c.centre_id).where(self._mine, bindings.c.crm_id == into).limit(1)
            )
            db.execute(update(bindings).where(*moved).values(crm_id=into, alias=taken is not None))
            return customers

        return await self._db.write(work)

    async def unlink_person(self, person_id: str) -> list[str]:
        """Forget the bindings of a person who is gone; answers whose they were."""
        where = (self._mine, bindings.c.entity == CUSTOMER, bindings.c.crm_id == person_id)

        def work(db: Connection) -> list[str]:
            customers = list(db.scalars(select(bindings.c.centre_id).where(*where)).all())
            db.execute(delete(bindings).where(*where))
            return customers

        return await self._db.write(work)
