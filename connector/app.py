"""The composition root: settings in, a running service out. The only file that names every part."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import orjson
import structlog
from aiohttp import ClientSession, DummyCookieJar, TCPConnector

from connector.centres import CENTRES, Account, ContactCentre
from connector.clock import Clock
from connector.errors import Misconfigured, Unauthorised
from connector.flows.installing import HOOK_USER, Arrival, can_receive_hooks, install, keep_hooks
from connector.flows.tenant import Centre, Directory, Sight, Tenant
from connector.i18n import translator
from connector.metrics import Metrics
from connector.phone import Phones
from connector.pipedrive import oauth
from connector.pipedrive.budget import Governor
from connector.pipedrive.client import Pipedrive
from connector.pipedrive.credentials import Credentials
from connector.pipedrive.records import Tokens
from connector.records import Right
from connector.settings import Settings
from connector.store.bindings import Bindings
from connector.store.database import Database
from connector.store.doubts import Doubts
from connector.store.index import Index
from connector.store.installations import Connected, Installations, Installed
from connector.store.ledger import Ledger
from connector.store.migrations import migrate
from connector.store.operations import Deliveries, Operations, Spending
from connector.store.vault import Vault
from connector.web.hooks import Door

log = structlog.get_logger()


class _GrantTokens:
    """The tokens of one grant, where the Pipedrive adapter finds them."""

    def __init__(self, installations: Installations, installation_id: str, user_id: str) -> None:
        self._installations, self._installation_id, self._user_id = installations, installation_id, user_id

    async def load(self) -> Tokens:
        """The tokens as they stand; Unauthorised if the grant is gone or dead."""
        grant = await self._installations.grant(self._installation_id, self._user_id)
        if grant is None or grant.tokens is None or grant.state != "active":
            raise Unauthorised("Pipedrive no longer accepts this installation's token: reconnect it.")
        return unpack_tokens(grant.tokens)

    async def lease_refresh(self, until: datetime) -> bool:
        """Take the right to refresh."""
        return await self._installations.lease_refresh(self._installation_id, self._user_id, until)

    async def save(self, tokens: Tokens) -> None:
        """Keep new tokens and free the lease."""
        await self._installations.save_tokens(self._installation_id, self._user_id, orjson.dumps(tokens))

    async def mark_dead(self, reason: str) -> None:
        """A person must connect again."""
        await self._installations.mark_dead(self._installation_id, self._user_id, reason)


class _OneToken:
    """Tokens that are not stored yet, while it is found out whose they are."""

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens

    async def load(self) -> Tokens:
        """The tokens just received."""
        return self._tokens

    async def lease_refresh(self, _until: datetime) -> bool:
        """Nobody else knows them."""
        return True

    async def save(self, tokens: Tokens) -> None:
        """Go on with these."""
        self._tokens = tokens

    async def mark_dead(self, _reason: str) -> None:
        """Nothing is stored that could be marked."""


def unpack_tokens(packed: bytes) -> Tokens:
    """Tokens as they were stored."""
    row = orjson.loads(packed)
    if row["expires_at"] is not None:
        row["expires_at"] = datetime.fromisoformat(row["expires_at"])
    return Tokens(**(row | {"scopes": tuple(row["scopes"])}))


@dataclass(slots=True)
class _Live:
    """A tenant with what has to be closed when it is built anew."""

    tenant: Tenant
    governor: Governor
    centres: list[Connected]


@dataclass(slots=True)
class Service:
    """The parts of a running service, and the tenants built from them."""

    settings: Settings
    clock: Clock
    db: Database
    vault: Vault
    session: ClientSession
    installations: Installations
    deliveries: Deliveries
    operations: Operations
    metrics: Metrics
    doors: dict[str, Door] = field(default_factory=dict)
    _live: dict[str, _Live] = field(default_factory=dict)
    _building: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def tenants(self) -> list[Tenant]:
        """Every installation whose sync is on, as it is set up now; also brings the doors up to date."""
        async with self._building:
            centres: dict[str, list[Connected]] = {}
            for connected in await self.installations.centres():
                centres.setdefault(connected.installation_id, []).append(connected)
            installed = {one.id: one for one in await self.installations.all() if one.state != "ended"}
            for gone in self._live.keys() - installed.keys():
                await self._drop(gone)
            for one in installed.values():
                await self._refresh(one, centres.get(one.id, []))
            self._open_doors(installed, centres)
            return [self._live[one.id].tenant for one in installed.values() if one.state == "active"]

    async def tenant(self, installation_id: str) -> Tenant:
        """One installation; Misconfigured when there is none of that id, or its sync has ended."""
        await self.tenants()
        if (live := self._live.get(installation_id)) is None:
            raise Misconfigured(f"There is no active installation {installation_id!r}.")
        return live.tenant

    async def _refresh(self, one: Installed, centres: list[Connected]) -> None:
        live = self._live.get(one.id)
        known = live.tenant.installed if live else None
        same = (
            known is not None
            and live is not None
            and live.centres == centres
            and (known.settings_version, known.owner_user_id) == (one.settings_version, one.owner_user_id)
        )
        if same and live is not None:
            if known.state != one.state and one.state == "active":  # type: ignore[union-attr]  # same implies known
                live.governor.resume()
            live.tenant = replace(
                live.tenant, installed=replace(live.tenant.installed, state=one.state, reason=one.reason)
            )
            return
        if live is not None:
            await self._drop(one.id)
        self._live[one.id] = await self._build(one, centres)

    async def _build(self, one: Installed, centres: list[Connected]) -> _Live:
        governor = Governor(self.clock, self.settings, Spending(self.db, one.id))
        tokens = _GrantTokens(self.installations, one.id, one.owner_user_id)
        credentials = Credentials(tokens, self.session, self.clock, self.settings)
        ledger = Ledger(self.db, self.vault, one.keys, one.id, self.clock)
        grant = await self.installations.grant(one.id, one.owner_user_id)
        others = True if grant is not None and grant.is_admin else one.sees_others

        async def save_sight(sees: bool) -> None:
            await self.installations.note_sees_others(one.id, sees)

        tenant = Tenant(
            installed=one,
            pipedrive=Pipedrive(self.session, credentials, governor, self.clock, self.settings),
            centres={c.id: Centre(c.id, self._open_centre(one, c), c.connected_at) for c in centres},
            ledger=ledger,
            doubts=Doubts(ledger),
            index=Index(self.db, one.keys, one.id, self.clock),
            bindings=Bindings(self.db, one.id),
            phones=Phones(one.settings.phone_region, one.settings.dial_out_prefix),
            translate=translator(one.settings.language),
            clock=self.clock,
            service=self.settings,
            sight=Sight(others, save_sight),
            directory=Directory(),
            sweep_every=timedelta(seconds=self.settings.sweep_interval_without_hooks),
        )
        if can_receive_hooks(tenant):
            tenant = replace(tenant, sweep_every=timedelta(seconds=self.settings.sweep_interval))
        return _Live(tenant, governor, centres)

    def _open_centre(self, one: Installed, connected: Connected) -> ContactCentre:
        account = Account(connected.system, connected.user, connected.password, one.settings.tz)
        return CENTRES[connected.vendor](account, self.settings, self.clock)

    def _open_doors(self, installed: dict[str, Installed], centres: dict[str, list[Connected]]) -> None:
        self.doors.clear()
        for one in installed.values():
            self.doors[one.hook_path] = Door.for_basic(one.id, "pipedrive", HOOK_USER, one.hook_password)
            for centre in centres.get(one.id, []):
                self.doors[centre.hook_path] = Door.for_basic(
                    one.id, centre.id, HOOK_USER, centre.hook_password
                )

    async def _drop(self, installation_id: str) -> None:
        live = self._live.pop(installation_id)
        await live.governor.close()
        for centre in live.tenant.centres.values():
            await centre.api.close()

    # the way in

    async def install_code(self, code: str) -> Arrival:
        """Exchange an authorization code and store the installation it is for."""
        tokens = await oauth.exchange_code(self.session, self.settings, code, self.clock.now())
        return await self._install(tokens, "oauth")

    async def install_token(self, token: str) -> Arrival:
        """Store the installation of a personal API token."""
        return await self._install(oauth.personal(self.settings, token), "token")

    async def _install(self, tokens: Tokens, kind: str) -> Arrival:
        governor = Governor(self.clock, self.settings, _Uncounted())
        credentials = Credentials(_OneToken(tokens), self.session, self.clock, self.settings)
        client = Pipedrive(self.session, credentials, governor, self.clock, self.settings)
        arrival = await install(client, self.installations, kind=kind, tokens=orjson.dumps(tokens))
        if (live := self._live.get(arrival.installation_id)) is not None:
            live.governor.resume()
        tenant = await self.tenant(arrival.installation_id)
        await keep_hooks(tenant, self.installations)
        return arrival

    async def connect_centre(
        self, installation_id: str, *, vendor: str, system: str, user: str, password: str
    ) -> list[Right]:
        """Try a contact-centre account and store it if it works; answers which rights do."""
        tenant = await self.tenant(installation_id)
        api = CENTRES[vendor](Account(system, user, password, tenant.settings.tz), self.settings, self.clock)
        try:
            rights = list(await api.check())
        finally:
            await api.close()
        await self.installations.connect_centre(
            installation_id, vendor=vendor, system=system, user=user, password=password
        )
        await self.tenants()
        return rights

    async def uninstall(self, company_id: str, user_id: str) -> bool:
        """Honour Pipedrive's word that a user took the app away; answers whether the sync ended with it."""
        ended = await self.installations.uninstall(company_id, user_id)
        log.info("uninstalled", installation=company_id, user=user_id, sync_ended=ended)
        await self.tenants()
        return ended

    async def close(self) -> None:
        """Close tenants, connections and the database."""
        for installation_id in list(self._live):
            await self._drop(installation_id)
        await self.session.close()
        await self.db.close()


class _Uncounted:
    """The two tokens that finding out whose a grant is costs are in nobody's count yet."""

    async def add(self, _day: object, _spent: object) -> int:
        """Count nothing."""
        return 0


@asynccontextmanager
async def open_service(settings: Settings, clock: Clock | None = None) -> AsyncIterator[Service]:
    """Migrate the database, open everything, and close it again."""
    clock = clock or Clock()
    vault = Vault(settings.secret_keys)
    await asyncio.to_thread(migrate, settings.database_url)
    db = Database(settings.database_url)
    # One session for all installations: connections are kept per host, cookies of one never reach another.
    session = ClientSession(connector=TCPConnector(limit=0, ttl_dns_cache=300), cookie_jar=DummyCookieJar())
    service = Service(
        settings, clock, db, vault, session, Installations(db, vault, clock), Deliveries(db, vault, clock),
        Operations(db, clock), Metrics(),
    )  # fmt: skip
    try:
        yield service
    finally:
        await service.close()
