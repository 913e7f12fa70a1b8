"""What joins an installation to both vendors: contact-centre accounts, and our webhooks in Pipedrive."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, select, update

from connector.clock import Clock
from connector.store.database import Database
from connector.store.tables import CentreConnection, PipedriveHook, table_of
from connector.store.vault import Vault, derived_password

connections = table_of(CentreConnection)
hooks = table_of(PipedriveHook)


@dataclass(frozen=True, slots=True)
class Connected:
    """A contact-centre account as it is used."""

    installation_id: str
    id: str
    vendor: str
    system: str
    user: str
    password: str
    state: str
    reason: str
    hook_path: str
    hook_password: str
    subscription_id: str | None
    connected_at: datetime

    @property
    def lookup_password(self) -> str:
        """What the contact centre says when it asks who is calling."""
        return derived_password(self.hook_password, "lookup")


class Connections:
    """The connections of all installations."""

    def __init__(self, db: Database, vault: Vault, clock: Clock) -> None:
        """Keep passwords in `vault`."""
        self.db, self._vault, self._clock = db, vault, clock

    # contact centres

    async def connect_centre(
        self,
        installation_id: str,
        *,
        vendor: str,
        system: str,
        user: str,
        password: str,
        since: datetime | None = None,
    ) -> Connected:
        """Store a contact-centre account, or renew its password; events are read from `since` (now) on."""
        connection_id = f"{vendor}:{system}"
        values = {
            "user": user, "password_sealed": self._vault.seal(password.encode()), "state": "active", "reason": "",
        }  # fmt: skip
        where = (connections.c.installation_id == installation_id, connections.c.id == connection_id)

        def work(db: Connection) -> None:
            if not db.execute(update(connections).where(*where).values(**values)).rowcount:
                row = {
                    "installation_id": installation_id, "id": connection_id, "vendor": vendor, "system": system,
                    "hook_path": secrets.token_urlsafe(24), "connected_at": since or self._clock.now(),
                    "hook_password_sealed": self._vault.seal(secrets.token_urlsafe(24).encode()),
                }  # fmt: skip
                db.execute(connections.insert(), row | values)

        await self.db.write(work)
        return next(c for c in await self.centres(installation_id) if c.id == connection_id)

    async def centres(self, installation_id: str | None = None) -> list[Connected]:
        """Contact-centre accounts of one installation, or of all."""
        query = select(connections).order_by(connections.c.installation_id, connections.c.id)
        if installation_id is not None:
            query = query.where(connections.c.installation_id == installation_id)
        return [
            Connected(
                row.installation_id, row.id, row.vendor, row.system, row.user,
                self._vault.open(row.password_sealed).decode(), row.state, row.reason, row.hook_path,
                self._vault.open(row.hook_password_sealed).decode(), row.subscription_id, row.connected_at,
            )
            for row in await self.db.read(lambda db: db.execute(query).all())
        ]  # fmt: skip

    async def set_centre_state(
        self, installation_id: str, connection_id: str, state: str, reason: str = ""
    ) -> None:
        """Write down whether an account works."""
        where = (connections.c.installation_id == installation_id, connections.c.id == connection_id)
        statement = update(connections).where(*where).values(state=state, reason=reason)
        await self.db.write(lambda db: db.execute(statement) and None)

    async def set_subscription(
        self, installation_id: str, connection_id: str, subscription_id: str | None
    ) -> None:
        """Remember the contact centre's webhook that is ours."""
        where = (connections.c.installation_id == installation_id, connections.c.id == connection_id)
        statement = update(connections).where(*where).values(subscription_id=subscription_id)
        await self.db.write(lambda db: db.execute(statement) and None)

    # Pipedrive's webhooks

    async def hooks(self, installation_id: str) -> dict[str, str]:
        """Our webhooks in Pipedrive: entity to webhook id."""
        query = select(hooks.c.entity, hooks.c.webhook_id).where(hooks.c.installation_id == installation_id)
        return await self.db.read(lambda db: dict(db.execute(query).all()))

    async def set_hook(self, installation_id: str, entity: str, webhook_id: str | None) -> None:
        """Remember, or forget, the webhook of one entity."""
        row = {
            "installation_id": installation_id, "entity": entity, "webhook_id": webhook_id,
            "checked_at": self._clock.now(),
        }  # fmt: skip

        def work(db: Connection) -> None:
            db.execute(
                delete(hooks).where(hooks.c.installation_id == installation_id, hooks.c.entity == entity)
            )
            if webhook_id is not None:
                db.execute(hooks.insert(), row)

        await self.db.write(work)
