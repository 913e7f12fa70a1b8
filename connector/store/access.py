"""Who may come in: sessions of agents, codes that begin one, and keys of the HTTP API.

Of each of them only a hash is kept: what is stolen from the database opens nothing. Whatever is asked for is looked up
by the hash of 32 random bytes, so that how long an answer takes tells nothing of what is kept.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, Table, and_, delete, false, or_, select, update

from connector.clock import Clock
from connector.errors import Misconfigured
from connector.store.database import Database
from connector.store.tables import ApiKey, Installation, OneTimeCode, Session, table_of

sessions = table_of(Session)
codes = table_of(OneTimeCode)
api_keys = table_of(ApiKey)
installations = table_of(Installation)

SESSION_LIFE = timedelta(days=30)
SESSION_IDLE = timedelta(days=7)
#: The time of the last use is written no more often than this.
SEEN_EVERY = timedelta(minutes=10)
#: So that a key that leaks can be known for what it is.
KEY_PREFIX = "connector_"
LONGEST_KEY_NAME = 100


@dataclass(frozen=True, slots=True)
class Who:
    """Somebody who works here: a user of Pipedrive, an agent of the contact centre (`thulium:demo/anna`), or both.

    `name` is shown. An administrator was one when he signed in, or was invited as one. `since` is when the session began
    that tells who it is.
    """

    installation_id: str
    user_id: str | None
    agent: str | None
    name: str
    is_admin: bool = False
    since: datetime | None = field(default=None, compare=False)

    @property
    def by(self) -> str:
        """What he is known by in the audit trail."""
        return f"user:{self.user_id}" if self.user_id is not None else f"agent:{self.agent}"


@dataclass(frozen=True, slots=True)
class Browser:
    """A session of somebody, as far as he is shown it: `id` opens nothing."""

    id: str
    begun_at: datetime
    seen_at: datetime


@dataclass(frozen=True, slots=True)
class Key:
    """A key of the HTTP API, as far as it is known afterwards."""

    id: str
    name: str
    made_at: datetime
    used_at: datetime | None
    revoked_at: datetime | None


class Access:
    """Sessions, codes and keys of all installations."""

    def __init__(self, db: Database, clock: Clock) -> None:
        """Keep them in `db`."""
        self._db, self._clock = db, clock

    # sessions

    async def begin(self, who: Who) -> str:
        """Begin a session; gives what its cookie holds. Misconfigured when the installation is not there, or has ended."""
        token, now = secrets.token_urlsafe(32), self._clock.now()
        row = _row(who) | {
            "id": _hash(token), "begun_at": now, "seen_at": now, "expires_at": now + SESSION_LIFE,
        }  # fmt: skip
        await self._insert(sessions, row)
        return token

    async def session(self, token: str) -> Who | None:
        """Whose session this is; None when there is none, or it is over."""
        now, key = self._clock.now(), _hash(token)
        query = select(sessions).where(sessions.c.id == key)
        row = await self._db.read(lambda db: db.execute(query).one_or_none())
        if row is None or row.expires_at <= now or now - row.seen_at >= SESSION_IDLE:
            return None
        if now - row.seen_at >= SEEN_EVERY:
            seen = update(sessions).where(sessions.c.id == key).values(seen_at=now)
            await self._db.write(lambda db: db.execute(seen) and None)
        return Who(
            row.installation_id, row.user_id, row.agent, row.name, is_admin=row.is_admin, since=row.begun_at
        )

    async def browsers(self, who: Who) -> list[Browser]:
        """The living sessions of a person, the one used last first."""
        now = self._clock.now()
        query = (
            select(sessions.c.id, sessions.c.begun_at, sessions.c.seen_at)
            .where(
                _is_of(sessions, who), sessions.c.expires_at > now, sessions.c.seen_at > now - SESSION_IDLE
            )
            .order_by(sessions.c.seen_at.desc(), sessions.c.begun_at.desc())
        )
        return [Browser(*row) for row in await self._db.read(lambda db: db.execute(query).all())]

    async def end_browser(self, who: Who, session_id: str) -> bool:
        """End one session of a person by its id; False when it is not there."""
        gone = delete(sessions).where(_is_of(sessions, who), sessions.c.id == session_id)
        return await self._db.write(lambda db: db.execute(gone).rowcount) == 1

    def id_of(self, token: str) -> str:
        """The id of the session that a token opens."""
        return _hash(token)

    async def end(self, token: str) -> None:
        """End one session."""
        gone = delete(sessions).where(sessions.c.id == _hash(token))
        await self._db.write(lambda db: db.execute(gone) and None)

    async def end_all(self, who: Who) -> int:
        """End all sessions of a person, in whichever browser, and take back codes; answers how many sessions ended.

        It is the same person by the user of Pipedrive or by the agent of the contact centre.
        """

        def work(db: Connection) -> int:
            db.execute(delete(codes).where(_is_of(codes, who)))
            return db.execute(delete(sessions).where(_is_of(sessions, who))).rowcount

        return await self._db.write(work)

    # codes

    async def make_code(self, who: Who, *, purpose: str, lasts: timedelta) -> str:
        """A code that stands for `who` once; Misconfigured when the installation is not there, or has ended."""
        code = secrets.token_urlsafe(32)
        row = _row(who) | {"id": _hash(code), "purpose": purpose, "expires_at": self._clock.now() + lasts}
        await self._insert(codes, row)
        return code

    async def use_code(self, code: str, *, purpose: str) -> Who | None:
        """Whom a code stands for, and use it up; None when there is none, or it was used, or its time has passed.

        When two use it in the same moment one of them has it.
        """
        key, now = (codes.c.id == _hash(code), codes.c.purpose == purpose), self._clock.now()

        def work(db: Connection) -> Who | None:
            row = db.execute(select(codes).where(*key)).one_or_none()
            if row is None or not db.execute(delete(codes).where(*key)).rowcount or row.expires_at <= now:
                return None
            return Who(row.installation_id, row.user_id, row.agent, row.name, is_admin=row.is_admin)

        return await self._db.write(work)

    async def peek_code(self, code: str, *, purpose: str) -> Who | None:
        """Whom a code stands for, without using it."""
        query = select(codes).where(codes.c.id == _hash(code), codes.c.purpose == purpose)
        row = await self._db.read(lambda db: db.execute(query).one_or_none())
        if row is None or row.expires_at <= self._clock.now():
            return None
        return Who(row.installation_id, row.user_id, row.agent, row.name, is_admin=row.is_admin)

    # keys of the HTTP API

    async def add_key(self, installation_id: str, name: str) -> tuple[str, str]:
        """Make a key; gives its id and the key itself, which nobody can be shown again.

        Misconfigured when the installation is not there, or has ended.
        """
        key_id, key = secrets.token_hex(4), KEY_PREFIX + secrets.token_urlsafe(32)
        row = {
            "id": key_id, "installation_id": installation_id, "name": name, "key_hash": _hash(key),
            "made_at": self._clock.now(),
        }  # fmt: skip
        await self._insert(api_keys, row)
        return key_id, key

    async def keys(self, installation_id: str) -> list[Key]:
        """All keys of an installation, revoked ones too, oldest first."""
        columns = (
            api_keys.c.id,
            api_keys.c.name,
            api_keys.c.made_at,
            api_keys.c.used_at,
            api_keys.c.revoked_at,
        )
        mine = select(*columns).where(api_keys.c.installation_id == installation_id)
        query = mine.order_by(api_keys.c.made_at, api_keys.c.id)
        return [Key(*row) for row in await self._db.read(lambda db: db.execute(query).all())]

    async def revoke_key(self, installation_id: str, key_id: str) -> bool:
        """Let a key open nothing any more; False when there is no such key in use."""
        statement = (
            update(api_keys)
            .where(api_keys.c.installation_id == installation_id, api_keys.c.id == key_id)
            .where(api_keys.c.revoked_at.is_(None))
            .values(revoked_at=self._clock.now())
        )
        return await self._db.write(lambda db: db.execute(statement).rowcount) == 1

    async def key_owner(self, key: str) -> tuple[str, str] | None:
        """The installation that a key opens, and the key's id; None when it opens none."""
        now = self._clock.now()
        query = select(api_keys).where(api_keys.c.key_hash == _hash(key), api_keys.c.revoked_at.is_(None))
        row = await self._db.read(lambda db: db.execute(query).one_or_none())
        if row is None:
            return None
        if row.used_at is None or now - row.used_at >= SEEN_EVERY:
            used = update(api_keys).where(api_keys.c.id == row.id).values(used_at=now)
            await self._db.write(lambda db: db.execute(used) and None)
        return row.installation_id, row.id

    async def purge(self) -> None:
        """Drop sessions and codes whose time has passed."""
        now = self._clock.now()
        over = or_(sessions.c.expires_at <= now, sessions.c.seen_at <= now - SESSION_IDLE)

        def work(db: Connection) -> None:
            db.execute(delete(sessions).where(over))
            db.execute(delete(codes).where(codes.c.expires_at <= now))

        await self._db.write(work)

    async def _insert(self, table: Table, row: Mapping[str, object]) -> None:
        """Insert what belongs to an installation, unless that has just ended."""
        installation_id = row["installation_id"]
        stands = select(installations.c.id).where(
            installations.c.id == installation_id, installations.c.state != "ended"
        )

        def work(db: Connection) -> bool:
            if db.execute(stands).one_or_none() is None:
                return False
            db.execute(table.insert(), row)
            return True

        if not await self._db.write(work):
            raise Misconfigured(f"There is no active installation {installation_id!r}.")


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()


def _is_of(table: Table, who: Who) -> ColumnElement[bool]:
    ways = [
        column == value
        for column, value in ((table.c.user_id, who.user_id), (table.c.agent, who.agent))
        if value is not None
    ]
    return and_(table.c.installation_id == who.installation_id, or_(false(), *ways))


def _row(who: Who) -> dict[str, object]:
    return {
        "installation_id": who.installation_id, "user_id": who.user_id, "agent": who.agent, "name": who.name,
        "is_admin": who.is_admin,
    }  # fmt: skip
