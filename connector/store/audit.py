"""Who did what: the audit trail of an installation, and each version of its settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

import orjson
from sqlalchemy import Connection, Row, delete, select

from connector.clock import Clock
from connector.store.database import Database
from connector.store.tables import AuditEntry, table_of

audit = table_of(AuditEntry)

SETTINGS = "settings"
#: An agent had a number dialled: there are more of these than of all else together.
DIAL = "dial"


class Doer(Protocol):
    """Somebody who does something here, such as `store.access.Who`."""

    @property
    def by(self) -> str:
        """What he is known by."""

    @property
    def name(self) -> str:
        """What he is called."""


@dataclass(frozen=True, slots=True)
class By:
    """A doer who has no session."""

    by: str
    name: str = ""


COMMAND_LINE = By("command line")
ITSELF = By("connector")


@dataclass(frozen=True, slots=True)
class Noted:
    """One entry; `settings_version` is that of the document that was saved, if one was."""

    id: int
    at: datetime
    by: str
    name: str
    action: str
    detail: Mapping[str, object]
    settings_version: int | None


class Audit:
    """The audit trail of one installation; an action is a short word, its detail holds ids and counts only."""

    def __init__(self, db: Database, installation_id: str, clock: Clock) -> None:
        """Write into `db`."""
        self._db, self._installation_id, self._clock = db, installation_id, clock

    async def note(self, doer: Doer, action: str, **detail: object) -> None:
        """Write down that somebody did something."""
        row = entry(self._installation_id, self._clock.now(), doer, action, detail)
        await self._db.write(lambda db: db.execute(audit.insert(), row) and None)

    async def entries(
        self, *, before: int | None = None, limit: int = 50, without: str | None = None
    ) -> list[Noted]:
        """The newest entries first, `without` those of one action; `before` goes on from the last id of the page before."""
        query = (
            select(*(audit.c[name] for name in Noted.__slots__))
            .where(audit.c.installation_id == self._installation_id)
            .order_by(audit.c.id.desc())
            .limit(limit)
        )
        if before is not None:
            query = query.where(audit.c.id < before)
        if without is not None:
            query = query.where(audit.c.action != without)
        return await self._db.read(lambda db: [_noted(row) for row in db.execute(query)])

    async def versions(self, limit: int = 100) -> list[Noted]:
        """Who saved the settings, the newest version first."""
        query = (
            select(*(audit.c[name] for name in Noted.__slots__))
            .where(audit.c.installation_id == self._installation_id, audit.c.settings_version.is_not(None))
            .order_by(audit.c.settings_version.desc())
            .limit(limit)
        )
        return await self._db.read(lambda db: [_noted(row) for row in db.execute(query)])

    async def document(self, version: int) -> str | None:
        """The settings as they were saved as that version; None when it is not kept."""
        query = select(audit.c.document).where(
            audit.c.installation_id == self._installation_id, audit.c.settings_version == version
        )
        return await self._db.read(lambda db: db.scalar(query))

    async def purge(self, action: str, days: int) -> None:
        """Drop entries of one action that are older than `days`."""
        old = audit.c.at < self._clock.now() - timedelta(days=days)
        mine = (audit.c.installation_id == self._installation_id, audit.c.action == action)
        await self._db.write(lambda db: db.execute(delete(audit).where(*mine, old)) and None)


def _noted(row: Row[tuple[object, ...]]) -> Noted:
    kept = row._mapping
    return Noted(
        kept["id"], kept["at"], kept["by"], kept["name"], kept["action"], orjson.loads(kept["detail"]),
        kept["settings_version"],
    )  # fmt: skip


def entry(
    installation_id: str, at: datetime, doer: Doer, action: str, detail: Mapping[str, object]
) -> dict[str, object]:
    """A row of the trail."""
    return {
        "installation_id": installation_id, "at": at, "by": doer.by, "name": doer.name, "action": action,
        "detail": orjson.dumps(detail).decode(), "settings_version": None, "document": None,
    }  # fmt: skip


def note_settings(
    db: Connection, installation_id: str, at: datetime, doer: Doer, *, before: str, after: str, version: int
) -> None:
    """Keep a document that is saved as `version`, and the one `before` it where nobody has kept that."""
    known = select(audit.c.id).where(
        audit.c.installation_id == installation_id, audit.c.settings_version == version - 1
    )
    if version > 1 and db.scalar(known) is None:
        first = entry(installation_id, at, ITSELF, SETTINGS, {})
        db.execute(audit.insert(), first | {"settings_version": version - 1, "document": before})
    row = entry(installation_id, at, doer, SETTINGS, {})
    db.execute(audit.insert(), row | {"settings_version": version, "document": after})
