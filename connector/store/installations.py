"""Installations from their first user to their end, and the settings document of each."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import ColumnElement, Connection, Table, and_, delete, select, update
from sqlmodel import SQLModel

from connector.installation_settings import InstallationSettings
from connector.store.audit import ITSELF, Doer, note_settings
from connector.store.connections import Connections, connections, hooks
from connector.store.entries import ERASED, State
from connector.store.grants import Grants, grants, installations
from connector.store.tables import (
    ApiKey,
    Binding,
    Brake,
    Change,
    Creation,
    Delivery,
    Device,
    DirtyRecord,
    IndexedKey,
    IndexedRecord,
    IndexPass,
    LedgerEntry,
    LiveCall,
    Load,
    OneTimeCode,
    OpenedDeal,
    Question,
    Session,
    Staged,
    WaitingKey,
    table_of,
)
from connector.store.vault import SubjectKeys, derived_password, dump_hash_keys, load_hash_keys

deliveries = table_of(Delivery)
ledger = table_of(LedgerEntry)
bindings = table_of(Binding)
creations = table_of(Creation)
sessions, codes = table_of(Session), table_of(OneTimeCode)
devices = table_of(Device)
api_keys = table_of(ApiKey)
opened_deals = table_of(OpenedDeal)
#: What says something of people, or opens a door: gone with the end of a sync.
ERASED_WITH_THE_SYNC: tuple[type[SQLModel], ...] = (
    IndexedRecord, IndexedKey, IndexPass, WaitingKey, DirtyRecord, Change, Brake, Question, Load, Staged,
    Session, OneTimeCode, Device, LiveCall,
)  # fmt: skip


class Outcome(StrEnum):
    """What an install came to."""

    #: The company is new here; the user owns its sync.
    NEW = "new"
    #: The company was known; its sync is on, or on again, and the user owns it.
    AGAIN = "again"
    #: The sync is on and somebody else's: the user has his own grant beside it.
    JOINED = "joined"
    #: The sync is off, its owner away, and the user no administrator who could take over.
    UNOWNED = "unowned"


@dataclass(frozen=True, slots=True)
class Installed:
    """An installation as it is used: keys opened, settings read."""

    id: str
    name: str
    domain: str
    state: str
    reason: str
    owner_user_id: str
    hook_path: str
    hook_password: str
    keys: SubjectKeys
    settings: InstallationSettings
    settings_version: int
    #: Whether its sync runs: it is switched on and connected. It also runs while Pipedrive refuses a grant, to find out
    #: whether it still does.
    runs: bool

    @property
    def alert_secret(self) -> str:
        """What alerts are signed with that go to a web address."""
        return derived_password(self.hook_password, "alerts")


class Installations(Grants, Connections):
    """All installations of the service, with the grants and the connections that are theirs."""

    async def install(
        self,
        company_id: str,
        *,
        name: str,
        domain: str,
        user_id: str,
        is_admin: bool,
        kind: str,
        tokens: bytes,
    ) -> Outcome:
        """Store an installation and its user's grant.

        The first user owns the sync; one who joins later, or reconnects, only gets or renews his grant, but an
        administrator takes over where the owner has gone.
        """
        now = self._clock.now()
        grant = {
            "kind": kind, "tokens_sealed": self._vault.seal(tokens), "state": "active", "reason": "",
            "refreshed_at": now, "refreshing_until": None,
        }  # fmt: skip

        def work(db: Connection) -> Outcome:
            outcome = Outcome.NEW
            stands = db.execute(
                select(installations.c.state, installations.c.owner_user_id).where(
                    installations.c.id == company_id
                )
            ).one_or_none()
            if stands is None:
                self._insert(db, company_id, name, domain, user_id)
            else:
                values: dict[str, object] = {"name": name, "domain": domain}
                owner_alive = db.scalar(
                    select(grants.c.user_id).where(
                        grants.c.installation_id == company_id,
                        grants.c.user_id == stands.owner_user_id,
                        grants.c.state == "active",
                    )
                )
                if stands.owner_user_id == user_id or (owner_alive is None and is_admin):
                    values |= {"owner_user_id": user_id, "state": "active", "reason": "", "ended_at": None}
                    outcome = Outcome.AGAIN
                else:
                    outcome = Outcome.JOINED if stands.state == "active" else Outcome.UNOWNED
                db.execute(update(installations).where(installations.c.id == company_id).values(**values))
            where = (grants.c.installation_id == company_id, grants.c.user_id == user_id)
            if not db.execute(
                update(grants).where(*where).values(version=grants.c.version + 1, **grant)
            ).rowcount:
                db.execute(
                    grants.insert(),
                    {"installation_id": company_id, "user_id": user_id, "version": 0, **grant},
                )
            return outcome

        return await self.db.write(work)

    def _insert(self, db: Connection, company_id: str, name: str, domain: str, user_id: str) -> None:
        row = {
            "id": company_id, "name": name, "domain": domain, "state": "active", "reason": "",
            "owner_user_id": user_id, "hook_path": secrets.token_urlsafe(24),
            "hook_password_sealed": self._vault.seal(secrets.token_urlsafe(24).encode()),
            "marker_key_sealed": self._vault.seal(self._vault.new_marker_key(company_id)),
            "hash_keys_sealed": self._vault.seal(dump_hash_keys(SubjectKeys.new_hash_keys())),
            "settings": "{}", "settings_version": 0, "installed_at": self._clock.now(),
        }  # fmt: skip
        db.execute(installations.insert(), row)

    async def all(self) -> list[Installed]:
        """Every installation, ended ones included."""
        mine = and_(
            grants.c.installation_id == installations.c.id, grants.c.user_id == installations.c.owner_user_id
        )
        query = (
            select(installations, (grants.c.state == "refused").label("is_refused"))
            .outerjoin(grants, mine)
            .order_by(installations.c.id)
        )
        rows = await self.db.read(lambda db: db.execute(query).all())
        opened = []
        for row in rows:
            hash_keys = load_hash_keys(self._vault.open(row.hash_keys_sealed))
            settings = InstallationSettings.model_validate_json(row.settings)
            connected = row.state == "active" or (row.state == "reconnect" and bool(row.is_refused))
            opened.append(
                Installed(
                    row.id,
                    row.name,
                    row.domain,
                    row.state,
                    row.reason,
                    row.owner_user_id,
                    row.hook_path,
                    self._vault.open(row.hook_password_sealed).decode(),
                    SubjectKeys(self._vault.open(row.marker_key_sealed), hash_keys),
                    settings,
                    row.settings_version,
                    connected and settings.switched_on,
                )
            )
        return opened

    async def none_yet(self) -> bool:
        """Whether no company has been connected, or all have been deleted."""
        return await self.db.read(lambda db: db.scalar(select(installations.c.id).limit(1))) is None

    async def set_settings(
        self, installation_id: str, settings: InstallationSettings, *, seen_version: int, doer: Doer = ITSELF
    ) -> bool:
        """Replace the settings document and keep it in the audit trail; False when someone else did so since `seen_version`."""
        document, version, now = settings.model_dump_json(), seen_version + 1, self._clock.now()
        mine = (installations.c.id == installation_id, installations.c.settings_version == seen_version)

        def work(db: Connection) -> bool:
            before = db.scalar(select(installations.c.settings).where(*mine))
            if before is None:
                return False
            db.execute(update(installations).where(*mine).values(settings=document, settings_version=version))
            note_settings(db, installation_id, now, doer, before=before, after=document, version=version)
            return True

        return await self.db.write(work)

    async def set_reason(self, installation_id: str, reason: str) -> None:
        """Say what an active installation suffers from, or with an empty text that it is well again."""
        statement = (
            update(installations)
            .where(installations.c.id == installation_id, installations.c.state == "active")
            .values(reason=reason)
        )
        await self.db.write(lambda db: db.execute(statement) and None)

    async def uninstall(self, installation_id: str, user_id: str) -> bool:
        """Honour an uninstall: the user's grant, sessions, codes and devices go; the owner's also ends the sync and wipes what is secret.

        Ids in ledger and bindings stay, so that a reinstall writes nothing twice. Answers whether the sync ended.
        """
        now = self._clock.now()

        def work(db: Connection) -> bool:
            mine = installations.c.id == installation_id
            db.execute(
                delete(grants).where(grants.c.installation_id == installation_id, grants.c.user_id == user_id)
            )
            for table in (sessions, codes, devices):
                db.execute(
                    delete(table).where(
                        table.c.installation_id == installation_id, table.c.user_id == user_id
                    )
                )
            if db.scalar(select(installations.c.owner_user_id).where(mine)) != user_id:
                return False
            self._end(db, installation_id, now)
            return True

        return await self.db.write(work)

    def _end(self, db: Connection, installation_id: str, now: datetime) -> None:
        """End a sync; of what was said and written nothing stays, of claims and ids all, so that nothing is made twice."""

        def of(table: Table) -> ColumnElement[bool]:
            return table.c.installation_id == installation_id

        reason = "Uninstalled in Pipedrive by the user who owned the sync."
        db.execute(
            update(installations)
            .where(installations.c.id == installation_id)
            .values(state="ended", reason=reason, ended_at=now)
        )
        for table in (connections, hooks, deliveries, *map(table_of, ERASED_WITH_THE_SYNC)):
            db.execute(delete(table).where(of(table)))
        revoked = update(api_keys).where(of(api_keys), api_keys.c.revoked_at.is_(None))
        db.execute(revoked.values(revoked_at=now))
        wiped = {"base": None, "sent": None, "overwrote": None, "problems": "[]", "in_step_at": None}
        db.execute(update(bindings).where(of(bindings)).values(wiped))
        db.execute(update(creations).where(of(creations)).values(sent=None))
        db.execute(update(opened_deals).where(of(opened_deals)).values(body_sealed=None))
        unsaid = {"payload_sealed": None, "trace": None, "number_key": None, "email_key": None}
        db.execute(update(ledger).where(of(ledger)).values(unsaid))
        unwritten = (State.NEW, State.WAITING, State.UNDECIDED, State.RETRY)
        db.execute(
            update(ledger)
            .where(of(ledger), ledger.c.state.in_(unwritten))
            .values(state=State.SKIPPED, reason=ERASED, not_before=None)
        )

    async def seal_anew(self) -> None:
        """Seal keys, tokens and passwords with the newest key, so that an old one can be taken away."""

        def work(db: Connection) -> None:
            for table in (installations, grants, connections):
                sealed = [column for column in table.c if column.name.endswith("_sealed")]
                for row in db.execute(select(*table.primary_key, *sealed)).mappings().all():
                    where = [column == row[column.name] for column in table.primary_key]
                    values = {
                        c.name: self._vault.rotate(row[c.name]) for c in sealed if row[c.name] is not None
                    }
                    db.execute(update(table).where(*where).values(values))

        await self.db.write(work)

    async def delete_everything(self, installation_id: str) -> None:
        """Remove an installation and every row it owns, the ids that keep a reinstall from writing twice included."""

        def work(db: Connection) -> None:
            for table in SQLModel.metadata.sorted_tables:
                if "installation_id" in table.c:
                    db.execute(delete(table).where(table.c.installation_id == installation_id))
            db.execute(delete(installations).where(installations.c.id == installation_id))

        await self.db.write(work)

    async def long_ended(self, days: int) -> list[str]:
        """Installations whose sync ended more than `days` ago."""
        before = self._clock.now() - timedelta(days=days)
        query = select(installations.c.id).where(
            installations.c.state == "ended", installations.c.ended_at < before
        )
        return list(await self.db.read(lambda db: db.scalars(query).all()))
