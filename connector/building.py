"""What a tenant is built of: an installation as it is stored and the service's parts in, its own parts out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from aiohttp import ClientSession

from connector.centres import CENTRES, Account, ContactCentre
from connector.clock import Clock
from connector.flows.installing import can_receive_hooks
from connector.flows.tenant import Centre, Directory, Tenant
from connector.i18n import translator
from connector.phone import Phones
from connector.pipedrive.budget import Governor
from connector.pipedrive.client import Pipedrive
from connector.pipedrive.credentials import Credentials, TokenStore
from connector.settings import Settings
from connector.store.audit import Audit
from connector.store.bindings import Bindings
from connector.store.cards import Cards
from connector.store.changes import Changes
from connector.store.connections import Connected
from connector.store.creations import Creations
from connector.store.database import Database
from connector.store.deals import Deals
from connector.store.dirty import Dirty
from connector.store.doubts import Doubts
from connector.store.erasures import Erasures
from connector.store.index import Index
from connector.store.installations import Installations, Installed
from connector.store.ledger import Ledger
from connector.store.live_calls import LiveCalls
from connector.store.loads import Loads
from connector.store.operations import Spending
from connector.store.questions import Questions
from connector.store.suppressed import Suppressed
from connector.store.vault import Vault
from connector.tokens import GrantTokens


@dataclass(slots=True)
class Live:
    """A tenant with what has to be closed when it is built anew."""

    tenant: Tenant
    governor: Governor
    centres: list[Connected]

    async def close(self) -> None:
        """Close its connections."""
        await self.governor.close()
        for centre in self.tenant.centres.values():
            await centre.api.close()


@dataclass(frozen=True, slots=True)
class Builder:
    """Builds tenants of what all of them share."""

    settings: Settings
    clock: Clock
    db: Database
    vault: Vault
    session: ClientSession
    installations: Installations

    def build(self, one: Installed, centres: list[Connected]) -> Live:
        """The tenant of an installation with these accounts of contact centres."""
        governor = Governor(self.clock, self.settings, Spending(self.db, one.id))
        tokens = GrantTokens(self.installations, one.id, one.owner_user_id)
        ledger = Ledger(self.db, self.vault, one.keys, one.id, self.clock)
        tenant = Tenant(
            installed=one,
            pipedrive=self.client(tokens, governor),
            centres={c.id: self._centre(one, c) for c in centres},
            ledger=ledger,
            doubts=Doubts(ledger),
            index=Index(self.db, one.keys, one.id, self.clock),
            bindings=Bindings(self.db, one.id),
            dirty=Dirty(self.db, one.id, self.clock),
            creations=Creations(self.db, one.id, self.clock),
            deals=Deals(self.db, self.vault, one.keys, one.id, self.clock),
            changes=Changes(self.db, self.vault, one.id, self.clock),
            questions=Questions(self.db, one.id, self.clock),
            cards=Cards(self.db, one.id, self.clock),
            loads=Loads(self.db, self.vault, one.id, self.clock),
            audit=Audit(self.db, one.id, self.clock),
            erasures=Erasures(self.db, one.id),
            suppressed=Suppressed(self.db, one.keys, one.id, self.clock),
            live_calls=LiveCalls(self.db, self.vault, one.keys, one.id, self.clock),
            phones=Phones(one.settings.phone_region, one.settings.dial_out_prefix),
            translate=translator(one.settings.language),
            clock=self.clock,
            service=self.settings,
            directory=Directory(),
            sweep_every=timedelta(seconds=self.settings.sweep_interval_without_hooks),
        )
        if can_receive_hooks(tenant):
            tenant = replace(tenant, sweep_every=timedelta(seconds=self.settings.sweep_interval))
        return Live(tenant, governor, centres)

    def client(self, tokens: TokenStore, governor: Governor) -> Pipedrive:
        """A client of Pipedrive that uses these tokens within this budget."""
        credentials = Credentials(tokens, self.session, self.clock, self.settings)
        return Pipedrive(self.session, credentials, governor, self.clock, self.settings)

    def uncounted(self) -> Governor:
        """A budget for finding out whose a grant is: what that costs is in nobody's count yet."""
        return Governor(self.clock, self.settings, _Uncounted())

    def _centre(self, one: Installed, connected: Connected) -> Centre:
        async def note(reason: str) -> None:
            state = "failing" if reason else "active"
            await self.installations.set_centre_state(one.id, connected.id, state, reason)

        return Centre(connected.id, self._open_centre(one, connected), _minute(connected.connected_at), note)

    def _open_centre(self, one: Installed, connected: Connected) -> ContactCentre:
        account = Account(connected.system, connected.user, connected.password, one.settings.tz)
        return CENTRES[connected.vendor](account, self.settings, self.clock)


def _minute(at: datetime) -> datetime:
    """The minute of `at`: contact centres tell the time of an event no finer."""
    return at.replace(second=0, microsecond=0)


class _Uncounted:
    """The two tokens that finding out whose a grant is costs are in nobody's count yet."""

    async def add(self, _day: object, _spent: object) -> int:
        """Count nothing."""
        return 0
