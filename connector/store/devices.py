"""Browsers and terminals that agents allowed to dial for them, each with a token of its own.

Of a token only the hash is kept: what is stolen from the database opens nothing. It is looked up by the hash of 32 random
bytes, so that how long an answer takes tells nothing of what is kept.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, and_, delete, false, or_, select, update

from connector.clock import Clock
from connector.errors import Misconfigured
from connector.store.access import SEEN_EVERY
from connector.store.database import Database, any_of
from connector.store.tables import Device, Installation, table_of

devices = table_of(Device)
installations = table_of(Installation)

#: So that a token that leaks can be known for what it is.
PREFIX = "line_"
#: One that nobody used for so long is forgotten; one that was revoked, so long after that.
IDLE, KEPT_REVOKED = timedelta(days=90), timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Paired:
    """A device that may dial: whose it is, what it is called, and where its token may come from.

    `agent` is contact centre and login (`thulium:demo/anna`), `user_id` who allowed it where that was a user of Pipedrive;
    `client` the extension's id or `terminal`, `origin` empty for terminals. `id` opens nothing.
    """

    id: str
    installation_id: str
    user_id: str | None
    agent: str
    name: str
    client: str
    origin: str
    made_at: datetime
    seen_at: datetime


_COLUMNS = [devices.c[name] for name in Paired.__slots__]


class Devices:
    """The devices of all installations."""

    def __init__(self, db: Database, clock: Clock) -> None:
        """Keep them in `db`."""
        self._db, self._clock = db, clock

    async def pair(
        self, installation_id: str, agent: str, *, user_id: str | None, name: str, client: str, origin: str
    ) -> tuple[Paired, str]:
        """Take a device in; gives it and its token, which nobody can be shown again.

        Misconfigured when the installation is not there, or has ended.
        """
        token, now = PREFIX + secrets.token_urlsafe(32), self._clock.now()
        paired = Paired(secrets.token_hex(4), installation_id, user_id, agent, name, client, origin, now, now)
        row = {name: getattr(paired, name) for name in Paired.__slots__} | {"token_hash": _hash(token)}
        stands = select(installations.c.id).where(
            installations.c.id == installation_id, installations.c.state != "ended"
        )

        def work(db: Connection) -> bool:
            if db.execute(stands).one_or_none() is None:
                return False
            db.execute(devices.insert(), row)
            return True

        if not await self._db.write(work):
            raise Misconfigured(f"There is no active installation {installation_id!r}.")
        return paired, token

    async def by_token(self, token: str) -> Paired | None:
        """Whose token this is, which counts as a use of it; None when it is nobody's, or was revoked."""
        return await self._used(devices.c.token_hash == _hash(token))

    async def by_id(self, device_id: str) -> Paired | None:
        """A device as it is now, for a line that stays open, which counts as a use as well; None likewise."""
        return await self._used(devices.c.id == device_id)

    async def _used(self, which: ColumnElement[bool]) -> Paired | None:
        now = self._clock.now()
        query = select(*_COLUMNS).where(which, devices.c.revoked_at.is_(None))
        row = await self._db.read(lambda db: db.execute(query).one_or_none())
        if row is None or now - row.seen_at >= IDLE:
            return None
        if now - row.seen_at >= SEEN_EVERY:
            seen = update(devices).where(devices.c.id == row.id).values(seen_at=now)
            await self._db.write(lambda db: db.execute(seen) and None)
        return Paired(*row)

    async def of(self, installation_id: str, *, user_id: str | None, agents: Collection[str]) -> list[Paired]:
        """What one person may dial with: what he allowed himself, and what dials as one of these agents."""
        allowed = false() if user_id is None else devices.c.user_id == user_id
        his = or_(devices.c.agent.in_(any_of(agents)), allowed)
        return await self._listed(and_(devices.c.installation_id == installation_id, his))

    async def all(self, installation_id: str) -> list[Paired]:
        """Every device of an installation that may dial, the one used last first."""
        return await self._listed(devices.c.installation_id == installation_id)

    async def _listed(self, which: ColumnElement[bool]) -> list[Paired]:
        alive = and_(devices.c.revoked_at.is_(None), devices.c.seen_at > self._clock.now() - IDLE)
        query = select(*_COLUMNS).where(which, alive).order_by(devices.c.seen_at.desc(), devices.c.id)
        return [Paired(*row) for row in await self._db.read(lambda db: db.execute(query).all())]

    async def revoke(self, installation_id: str, device_id: str) -> bool:
        """Let a device's token open nothing any more; False when there is no such device in use."""
        statement = (
            update(devices)
            .where(devices.c.installation_id == installation_id, devices.c.id == device_id)
            .where(devices.c.revoked_at.is_(None))
            .values(revoked_at=self._clock.now())
        )
        return await self._db.write(lambda db: db.execute(statement).rowcount) == 1

    async def purge(self) -> None:
        """Forget what nobody used for long, and what was revoked long ago."""
        now = self._clock.now()
        over = or_(devices.c.seen_at <= now - IDLE, devices.c.revoked_at <= now - KEPT_REVOKED)
        await self._db.write(lambda db: db.execute(delete(devices).where(over)) and None)


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()
