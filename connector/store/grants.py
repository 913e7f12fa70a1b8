"""Grants: what single Pipedrive users allowed us, and the right to renew their tokens."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, case, select, update

from connector.clock import Clock
from connector.store.database import Database
from connector.store.tables import Grant, Installation, table_of
from connector.store.vault import Vault

grants = table_of(Grant)
installations = table_of(Installation)


@dataclass(frozen=True, slots=True)
class GrantRow:
    """A user's permission: his tokens as packed by the Pipedrive adapter (None once they are dead)."""

    user_id: str
    kind: str
    tokens: bytes | None
    version: int
    state: str
    reason: str
    refreshed_at: datetime
    refreshing_until: datetime | None


class Grants:
    """The grants of all installations."""

    def __init__(self, db: Database, vault: Vault, clock: Clock) -> None:
        """Keep tokens in `vault`."""
        self.db, self._vault, self._clock = db, vault, clock

    async def grant(self, installation_id: str, user_id: str) -> GrantRow | None:
        """One user's grant."""
        query = select(grants).where(grants.c.installation_id == installation_id, grants.c.user_id == user_id)
        row = await self.db.read(lambda db: db.execute(query).one_or_none())
        if row is None:
            return None
        tokens = None if row.tokens_sealed is None else self._vault.open(row.tokens_sealed)
        return GrantRow(
            row.user_id, row.kind, tokens, row.version, row.state, row.reason, row.refreshed_at,
            row.refreshing_until,
        )  # fmt: skip

    async def lease_refresh(self, installation_id: str, user_id: str, until: datetime) -> bool:
        """Take the right to refresh a grant's tokens, unless somebody holds it."""
        now = self._clock.now()
        statement = (
            update(grants)
            .where(grants.c.installation_id == installation_id, grants.c.user_id == user_id)
            .where((grants.c.refreshing_until.is_(None)) | (grants.c.refreshing_until < now))
            .values(refreshing_until=until)
        )
        return await self.db.write(lambda db: db.execute(statement).rowcount) == 1

    async def save_tokens(self, installation_id: str, user_id: str, tokens: bytes) -> None:
        """Keep new tokens and give the refresh lease back; only a call can tell whether refused ones work again."""
        refused = grants.c.state == "refused"
        statement = (
            update(grants)
            .where(grants.c.installation_id == installation_id, grants.c.user_id == user_id)
            .values(
                tokens_sealed=self._vault.seal(tokens), version=grants.c.version + 1, refreshed_at=self._clock.now(),
                refreshing_until=None, state=case((refused, "refused"), else_="active"),
                reason=case((refused, grants.c.reason), else_=""),
            )
        )  # fmt: skip
        await self.db.write(lambda db: db.execute(statement) and None)

    async def mark_dead(self, installation_id: str, user_id: str, reason: str) -> None:
        """A grant works no more; if the sync's owner had it, the installation needs reconnecting."""
        dead = {"state": "dead", "reason": reason, "refreshing_until": None}
        await self._mark(installation_id, user_id, ("active", "refused"), dead)

    async def mark_refused(self, installation_id: str, user_id: str, reason: str) -> None:
        """Pipedrive does not accept a grant that it still renews: as dead, but it may be tried."""
        await self._mark(installation_id, user_id, ("active",), {"state": "refused", "reason": reason})

    async def mark_accepted(self, installation_id: str, user_id: str) -> None:
        """A refused grant works again."""
        await self._mark(installation_id, user_id, ("refused",), {"state": "active", "reason": ""})

    async def _mark(
        self, installation_id: str, user_id: str, was: tuple[str, ...], values: dict[str, str | None]
    ) -> None:
        """Change a grant that `was` in one of these states, and the installation if the sync's owner had it."""
        state = "active" if values["state"] == "active" else "reconnect"

        def work(db: Connection) -> None:
            where = (grants.c.installation_id == installation_id, grants.c.user_id == user_id)
            if db.execute(update(grants).where(*where, grants.c.state.in_(was)).values(values)).rowcount:
                db.execute(
                    update(installations)
                    .where(installations.c.id == installation_id, installations.c.owner_user_id == user_id)
                    .where(installations.c.state.in_(("active", "reconnect")))
                    .values(state=state, reason=values["reason"])
                )

        await self.db.write(work)

    async def idle_grants(self, days: int) -> list[tuple[str, str]]:
        """Grants (installation, user) whose tokens were last refreshed more than `days` ago."""
        query = select(grants.c.installation_id, grants.c.user_id).where(
            grants.c.state != "dead",
            grants.c.kind == "oauth",
            grants.c.refreshed_at < self._clock.now() - timedelta(days=days),
        )
        return list(await self.db.read(lambda db: db.execute(query).all()))
