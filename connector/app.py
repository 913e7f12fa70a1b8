"""The composition root: settings in, an open service with its tenants out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import structlog
from aiohttp import ClientSession, DummyCookieJar, TCPConnector
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from connector.building import Builder, Live
from connector.centres import CENTRES, Account
from connector.clock import Clock
from connector.errors import Misconfigured
from connector.flows import alerting
from connector.flows.installing import (
    HOOK_USER,
    Arrival,
    install,
    keep_hooks,
    keep_subscriptions,
    remove_hooks,
)
from connector.flows.tenant import Tenant
from connector.metrics import Metrics
from connector.pipedrive import oauth
from connector.pipedrive.budget import Lane
from connector.pipedrive.credentials import Credentials
from connector.pipedrive.records import Tokens
from connector.process import most_lines
from connector.realtime.hub import Hub
from connector.records import Right
from connector.settings import Settings
from connector.store.access import Access, Who
from connector.store.alerts import Alerts
from connector.store.connections import Connected
from connector.store.database import Database
from connector.store.devices import Devices
from connector.store.figures import Figures
from connector.store.installations import Installations, Installed
from connector.store.migrations import migrate
from connector.store.operations import Deliveries, Operations
from connector.store.vault import Vault
from connector.tokens import GrantTokens, OneToken, pack_tokens, unpack_tokens
from connector.web.hooks import Door

log = structlog.get_logger()

_RETIRED_FOR = timedelta(minutes=30)


def _accounts(centres: list[Connected]) -> list[Connected]:
    """Accounts as far as they need a new client: how they are doing is beside the point."""
    return [replace(one, state="", reason="", subscription_id=None) for one in centres]


@dataclass(slots=True)
class Service:
    """The parts of a running service, and the tenants built from them."""

    settings: Settings
    clock: Clock
    db: Database
    session: ClientSession
    installations: Installations
    builder: Builder
    deliveries: Deliveries
    operations: Operations
    access: Access
    devices: Devices
    metrics: Metrics
    alerts: Alerts
    hub: Hub
    doors: dict[str, Door] = field(default_factory=dict)
    lookup_doors: dict[str, Door] = field(default_factory=dict)
    _live: dict[str, Live] = field(default_factory=dict)
    _retired: list[tuple[datetime, Live]] = field(default_factory=list)
    _building: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def tenants(self) -> list[Tenant]:
        """Every installation whose sync is on, as it is set up now."""
        return [tenant for tenant in await self.everyone() if tenant.installed.runs]

    async def everyone(self) -> list[Tenant]:
        """Every installation that has not ended, as it is set up now; also brings the doors up to date."""
        async with self._building:
            centres: dict[str, list[Connected]] = {}
            for connected in await self.installations.centres():
                centres.setdefault(connected.installation_id, []).append(connected)
            installed = {one.id: one for one in await self.installations.all() if one.state != "ended"}
            for gone in self._live.keys() - installed.keys():
                self._retire(gone)
            await self._close_retired(older_than=_RETIRED_FOR)
            for one in installed.values():
                await self._refresh(one, centres.get(one.id, []))
            self._open_doors(installed, centres)
            return [self._live[one.id].tenant for one in installed.values()]

    async def tenant(self, installation_id: str) -> Tenant:
        """One installation; Misconfigured when there is none of that id, or its sync has ended."""
        await self.tenants()
        if (live := self._live.get(installation_id)) is None:
            raise Misconfigured(f"There is no active installation {installation_id!r}.")
        return live.tenant

    def latest(self, installation_id: str) -> Tenant | None:
        """One installation as it was when the doors were last brought up to date, without another look."""
        live = self._live.get(installation_id)
        return live.tenant if live else None

    def tokens_today(self, installation_id: str) -> tuple[int, int | None]:
        """Pipedrive tokens that an installation has spent since midnight UTC, and its share of the day where that is known."""
        live = self._live.get(installation_id)
        return (live.governor.spent_today, live.governor.allowance) if live else (0, None)

    async def _refresh(self, one: Installed, centres: list[Connected]) -> None:
        live = self._live.get(one.id)
        known = live.tenant.installed if live else None
        if known is not None and live is not None and _accounts(live.centres) == _accounts(centres):
            fixed = replace(known, state=one.state, reason=one.reason, runs=one.runs)
            if (fixed.settings_version, fixed.owner_user_id) == (one.settings_version, one.owner_user_id):
                live.tenant = replace(live.tenant, installed=fixed)
                return
        self._retire(one.id)
        self._live[one.id] = self.builder.build(one, centres)
        if live is not None:
            # What is under way still holds its locks, whatever else is set up anew.
            contacts, at_hand = live.tenant.contacts, live.tenant.deals_at_hand
            contacts.fields.clear()
            contacts.fields_refused_at = None
            at_hand.read_anew()
            self._live[one.id].tenant = replace(
                self._live[one.id].tenant, contacts=contacts, deals_at_hand=at_hand
            )

    def _open_doors(self, installed: dict[str, Installed], centres: dict[str, list[Connected]]) -> None:
        self.doors.clear()
        self.lookup_doors.clear()
        for one in installed.values():
            self.doors[one.hook_path] = Door.for_basic(one.id, "pipedrive", HOOK_USER, one.hook_password)
            for centre in centres.get(one.id, []):
                self.doors[centre.hook_path] = Door.for_basic(
                    one.id, centre.id, HOOK_USER, centre.hook_password
                )
                self.lookup_doors[centre.hook_path] = Door.for_basic(
                    one.id, centre.id, HOOK_USER, centre.lookup_password
                )

    def _retire(self, installation_id: str) -> None:
        """Take a tenant out of service; a run that still holds it may go on for a while."""
        if (live := self._live.pop(installation_id, None)) is not None:
            self._retired.append((self.clock.now(), live))

    async def _close_retired(self, *, older_than: timedelta) -> None:
        due = [(at, live) for at, live in self._retired if self.clock.now() - at >= older_than]
        for one in due:
            self._retired.remove(one)
            await one[1].close()

    # the way in

    async def install_code(self, code: str) -> Arrival:
        """Exchange an authorization code and store the installation it is for."""
        tokens = await oauth.exchange_code(self.session, self.settings, code, self.clock.now())
        return await self._install(tokens, "oauth")

    async def identify(self, code: str) -> Who | None:
        """Whose browser brings an authorization code; None when his company is not connected, or no longer.

        Nothing is installed. Tokens are kept only where the user has allowed us to work already: the new ones may take
        the place of those at Pipedrive too.
        """
        tokens = await oauth.exchange_code(self.session, self.settings, code, self.clock.now())
        governor = self.builder.uncounted()
        me = await self.builder.client(OneToken(tokens), governor).on(Lane.DIAL).me()
        if me.company_id not in {one.id for one in await self.installations.all() if one.state != "ended"}:
            return None
        grant = await self.installations.grant(me.company_id, me.user_id)
        if grant is not None and grant.kind == "oauth" and grant.state != "dead":
            await self.installations.save_tokens(me.company_id, me.user_id, pack_tokens(tokens))
        return Who(me.company_id, me.user_id, None, me.name, is_admin=me.is_admin)

    async def install_token(self, token: str, *, admins_only: bool = False) -> Arrival:
        """Store the installation of a personal API token."""
        return await self._install(oauth.personal(self.settings, token), "token", admins_only=admins_only)

    async def renew_token(self, installation_id: str, token: str) -> Arrival:
        """Take a new personal API token of an administrator for an installation; Misconfigured if it is another's."""
        tokens = oauth.personal(self.settings, token)
        return await self._install(tokens, "token", admins_only=True, company=installation_id)

    async def _install(
        self, tokens: Tokens, kind: str, *, admins_only: bool = False, company: str | None = None
    ) -> Arrival:
        governor = self.builder.uncounted()
        client = self.builder.client(OneToken(tokens), governor)
        arrival = await install(
            client, self.installations, kind=kind, tokens=pack_tokens(tokens), admins_only=admins_only,
            company=company,
        )  # fmt: skip
        # Built anew, it forgets why calls were paused.
        self._retire(arrival.installation_id)
        await self.tenants()
        live = self._live.get(arrival.installation_id)
        if live is not None and live.tenant.installed.owner_user_id == arrival.user_id:
            await keep_hooks(live.tenant, self.installations)
        return arrival

    async def connect_centre(
        self,
        installation_id: str,
        *,
        vendor: str,
        system: str,
        user: str,
        password: str,
        since: datetime | None = None,
    ) -> list[Right]:
        """Try a contact-centre account and store it if it works; answers which rights do.

        Events are read from `since` (now) on; what happened before is history, which a backfill brings.
        """
        tenant = await self.tenant(installation_id)
        api = CENTRES[vendor](Account(system, user, password, tenant.settings.tz), self.settings, self.clock)
        try:
            rights = list(await api.check())
        finally:
            await api.close()
        await self.installations.connect_centre(
            installation_id, vendor=vendor, system=system, user=user, password=password, since=since
        )
        await keep_subscriptions(await self.tenant(installation_id), self.installations)
        return rights

    async def uninstall(self, company_id: str, user_id: str) -> bool:
        """Honour Pipedrive's word that a user took the app away; answers whether the sync ended with it.

        Pipedrive says so once: what is secret is erased first, then webhooks are taken away with what is in memory.
        """
        live, grant = self._live.get(company_id), await self.installations.grant(company_id, user_id)
        hooks = await self.installations.hooks(company_id)
        centres = await self.installations.centres(company_id)
        ended = await self.installations.uninstall(company_id, user_id)
        log.info("uninstalled", installation=company_id, user=user_id, sync_ended=ended)
        await self.tenants()
        if ended:
            self.hub.end_all(company_id)
        if ended and live is not None:
            tenant = live.tenant
            if grant is not None and grant.tokens is not None:
                client = self.builder.client(OneToken(unpack_tokens(grant.tokens)), live.governor)
                tenant = replace(tenant, pipedrive=client)
            await remove_hooks(tenant, hooks, centres)
        return ended

    async def delete(self, installation_id: str) -> list[str]:
        """Erase all that is kept of an installation, its webhooks at both vendors first.

        Answers which of these could not be removed: somebody has to do so there. Misconfigured when there is none of that id.
        """
        if installation_id not in {one.id for one in await self.installations.all()}:
            raise Misconfigured(f"There is no installation {installation_id!r}.")
        await self.tenants()
        left: list[str] = []
        if (live := self._live.get(installation_id)) is not None:
            await keep_subscriptions(live.tenant, self.installations, never=True)
            hooks = await self.installations.hooks(installation_id)
            left = await remove_hooks(live.tenant, hooks, await self.installations.centres(installation_id))
        await self.installations.delete_everything(installation_id)
        self.hub.end_all(installation_id)
        log.info("deleted", installation=installation_id, left=left)
        await self.tenants()
        return left

    # how it is doing

    async def scopes(self, tenant: Tenant) -> tuple[str, ...]:
        """What Pipedrive allowed the user of the sync; none are known of a personal token."""
        grant = await self.installations.grant(tenant.id, tenant.installed.owner_user_id)
        return unpack_tokens(grant.tokens).scopes if grant is not None and grant.tokens is not None else ()

    async def self_test(self, tenant: Tenant) -> list[str]:
        """Try both vendors, keep what was found, and answer what is amiss."""
        return await alerting.self_test(tenant, self.alerts, self.installations, await self.scopes(tenant))

    async def watch(self, tenant: Tenant) -> None:
        """Tell people what is wrong with an installation now, or no longer."""
        await alerting.watch(tenant, self.alerts, self.installations, Figures(self.db, self.clock))

    async def is_writable(self) -> bool:
        """Whether the database still takes writes."""
        try:
            await self.db.write(lambda db: db.scalar(select(1)))
        except SQLAlchemyError:
            return False
        return True

    async def renew_grant(self, installation_id: str, user_id: str) -> None:
        """Use a grant, so that it does not die of idleness."""
        tokens = GrantTokens(self.installations, installation_id, user_id)
        await Credentials(tokens, self.session, self.clock, self.settings).access()

    async def measure(self) -> None:
        """Bring the gauges up to date; an installation that has ended is not shown any more."""
        installed = [one for one in await self.installations.all() if one.state != "ended"]
        centres = await self.installations.centres()
        finished = await self.operations.last_finished()
        live = [(one.id, self._live[one.id]) for one in installed if one.id in self._live]
        entries = {installation: await one.tenant.ledger.counts() for installation, one in live}
        shown = self.metrics
        for gauge in (shown.healthy, shown.centres, shown.finished, shown.tokens, shown.entries, shown.lines):
            gauge.clear()
        for installation, number in self.hub.open_lines().items():
            shown.lines.labels(installation).set(number)
        for one in installed:
            shown.healthy.labels(one.id).set(one.state == "active")
            if (at := finished.get(one.id)) is not None:
                shown.finished.labels(one.id).set(at.timestamp())
        for centre in centres:
            shown.centres.labels(centre.installation_id, centre.id).set(centre.state == "active")
        for installation, tenant in live:
            shown.tokens.labels(installation).set(tenant.governor.spent_today)
            for state, number in entries[installation].items():
                shown.entries.labels(installation, state).set(number)

    async def close(self) -> None:
        """Close tenants, connections and the database."""
        for installation_id in list(self._live):
            self._retire(installation_id)
        await self._close_retired(older_than=timedelta())
        await self.session.close()
        await self.db.close()


@asynccontextmanager
async def open_service(settings: Settings, clock: Clock | None = None) -> AsyncIterator[Service]:
    """Migrate the database, open everything, and close it again."""
    clock = clock or Clock()
    vault = Vault(settings.secret_keys)
    await asyncio.to_thread(migrate, settings.database_url)
    db = Database(settings.database_url)
    # One session for all installations: connections are kept per host, cookies of one never reach another.
    session = ClientSession(connector=TCPConnector(limit=0, ttl_dns_cache=300), cookie_jar=DummyCookieJar())
    installations = Installations(db, vault, clock)
    builder = Builder(settings, clock, db, vault, session, installations)
    service = Service(
        settings, clock, db, session, installations, builder, Deliveries(db, vault, clock),
        Operations(db, clock), Access(db, clock), Devices(db, clock), Metrics(), Alerts(db, clock), Hub(most_lines(settings.lines)),
    )  # fmt: skip
    try:
        yield service
    finally:
        await service.close()
