"""An open service at work: the HTTP side and the jobs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial

import structlog
from aiohttp import web

from connector.app import Service
from connector.errors import Misconfigured
from connector.flows.diagnosing import Diagnosis
from connector.flows.dial import dial
from connector.flows.installing import keep_subscriptions
from connector.flows.live import Exchange
from connector.flows.lookup import Callers
from connector.flows.tenant import Tenant
from connector.jobs import Jobs
from connector.store.figures import Figures
from connector.store.pair_lists import PairLists
from connector.web import api, health, hooks, lookup
from connector.web import clock as clock_control
from connector.web import install as install_pages
from connector.web import sign_in as sign_in_pages
from connector.web.access import Guard
from connector.web.consent import Consent
from connector.web.console.customers.pages import add_customers
from connector.web.console.desk import Console
from connector.web.console.devices import DevicePages
from connector.web.console.happening.pages import add_happening
from connector.web.console.me import OwnPage
from connector.web.console.set_up.pages import SetUp
from connector.web.console.settings import activities, calls, fields, history
from connector.web.console.settings.agents import Agents
from connector.web.console.settings.alerts import AlertPages
from connector.web.console.settings.connections import Connections
from connector.web.console.settings.deals import DealPages
from connector.web.console.settings.keys import KeyPages
from connector.web.console.settings.privacy import PrivacyPages
from connector.web.console.settings.special_fields import SpecialFieldPages
from connector.web.embed.customer import CustomerPages
from connector.web.embed.desk import Desk
from connector.web.embed.new_deal import NewDeals
from connector.web.embed.parties import Parties
from connector.web.embed.ticket import TicketPages
from connector.web.hooks import LARGEST_BODY
from connector.web.line import Lines, Telephony
from connector.web.middleware import middlewares
from connector.web.pairing import Pairing
from connector.web.pairing_token import Tokens
from connector.web.set_up_code import set_up_code

log = structlog.get_logger()

_DOORS_AGE = timedelta(seconds=5)


def build_web(service: Service, jobs: Jobs) -> web.Application:
    """The HTTP side of the service."""
    settings, clock = service.settings, service.clock
    app = web.Application(middlewares=middlewares(settings), client_max_size=LARGEST_BODY)
    last_look = clock.now() - _DOORS_AGE

    async def look_for_doors() -> None:
        nonlocal last_look
        if clock.now() - last_look >= _DOORS_AGE:
            last_look = clock.now()
            await service.tenants()

    async def tenant_of(installation_id: str) -> Tenant:
        return service.latest(installation_id) or await service.tenant(installation_id)

    def count_lookup(installation_id: str, outcome: str) -> None:
        service.metrics.lookups.labels(installation_id, outcome).inc()

    async def ready() -> dict[str, bool]:
        return {"database": await service.is_writable(), **jobs.health}

    exchange = _telephony(app, service, jobs, tenant_of)
    app.add_routes(
        hooks.routes(service.doors, service.deliveries, jobs.hook_arrived, look_for_doors, exchange.hear)
    )
    callers = Callers(clock)
    app.on_cleanup.append(lambda _: callers.close())
    app.add_routes(
        lookup.routes(service.lookup_doors, callers, service.latest, look_for_doors, count_lookup, clock)
    )
    app.add_routes(api.routes(service.access, tenant_of, service.operations, clock))
    app.add_routes(health.routes(ready, service.measure, service.metrics.registry, clock))
    guard = Guard(service.access, service.latest, settings, clock)
    desk = Desk(
        service.tenant,
        service.latest,
        look_for_doors,
        guard,
        service.operations,
        service.installations,
        clock,
    )
    _embed(app, desk)
    console = Console(service.tenant, guard, service.installations, service.operations, clock)
    _console(app, service, jobs, console, guard)
    tokens = Tokens(service.devices, guard, service.tenant, settings, clock, service.hub.end)
    app.add_routes(tokens.routes())
    app.add_routes(Pairing(tokens, guard, service.tenant, settings, clock).routes())
    sign_in = sign_in_pages.SignIn(guard, Consent(settings, clock), service.identify)
    app.add_routes(sign_in.routes())
    app.add_routes(
        install_pages.routes(
            settings, clock, guard, is_fresh=service.installations.none_yet, install_code=service.install_code,
            install_token=partial(service.install_token, admins_only=True), uninstall=service.uninstall,
            tell=console.tell, returns={sign_in_pages.PURPOSE: sign_in.arrive},
        )
    )  # fmt: skip
    if settings.clock_control:
        app.add_routes(clock_control.routes(clock))
    return app


def _telephony(
    app: web.Application, service: Service, jobs: Jobs, tenant_of: Callable[[str], Awaitable[Tenant]]
) -> Exchange:
    """The lines to agents, and what they are told of their calls."""

    async def listen(tenant: Tenant) -> None:
        await keep_subscriptions(tenant, service.installations)

    def count_order(installation_id: str, outcome: str) -> None:
        service.metrics.dials.labels(installation_id, outcome).inc()

    exchange = Exchange(service.hub.tell, service.latest, listen, jobs.runs.sync_soon, service.clock)
    lines = Lines(
        service.hub, service.devices, Telephony(partial(dial, exchange), exchange.latest), tenant_of, count_order,
        service.clock,
    )  # fmt: skip
    app.add_routes(lines.routes())

    async def resume(_: web.Application) -> None:
        exchange.resume(await service.everyone())

    app.on_startup.append(resume)
    app.on_shutdown.append(lambda _: lines.stop())
    app.on_cleanup.append(lambda _: exchange.close())
    return exchange


def _embed(app: web.Application, desk: Desk) -> None:
    """The pages that stand inside the contact centre."""
    parties = Parties(desk.clock)
    new_deals = NewDeals(desk, parties)
    app.add_routes(CustomerPages(desk, parties, new_deals).routes())
    app.add_routes(TicketPages(desk, new_deals).routes())


def _console(app: web.Application, service: Service, jobs: Jobs, console: Console, guard: Guard) -> None:
    """The pages of administrators as they stand on their map, and everybody's own."""
    figures = Figures(service.db, service.clock)
    app.add_routes(console.routes())
    add_happening(app, console, figures, jobs.runs, tokens_today=service.tokens_today, next_run=jobs.next_run)
    add_customers(app, console, PairLists(service.db), jobs.loads, jobs.keeper.soon)
    _settings(app, service, jobs, console, Diagnosis(service.installations, service.alerts, figures))
    app.add_routes(OwnPage(console, guard, service.devices).routes())
    app.add_routes(DevicePages(console, service.devices, service.hub.end).routes())


def _settings(
    app: web.Application, service: Service, jobs: Jobs, console: Console, diagnosis: Diagnosis
) -> None:
    """The sections of the settings, and the guided set-up that leads through them."""
    connections = Connections(
        console, connect_centre=service.connect_centre, renew_token=service.renew_token, scopes=service.scopes
    )
    special_fields, agents = SpecialFieldPages(console), Agents(console, service.devices)
    set_up = SetUp(console, connections, special_fields, agents, jobs.runs.sync_soon)
    app.on_cleanup.append(lambda _: set_up.close())
    for routes in (
        connections.routes(),
        special_fields.routes(),
        agents.routes(),
        fields.routes(console),
        activities.routes(console),
        DealPages(console).routes(),
        calls.routes(console),
        PrivacyPages(console, diagnosis).routes(),
        AlertPages(console, service.alerts, service.self_test).routes(),
        KeyPages(console, service.access, service.settings.public_url).routes(),
        history.routes(console),
        set_up.routes(),
    ):
        app.add_routes(routes)


@asynccontextmanager
async def serving(service: Service) -> AsyncIterator[Jobs]:
    """Run jobs and HTTP until the block is left; what is being sent then is finished first.

    Misconfigured when the address cannot be listened on.
    """
    jobs = Jobs(
        service.settings, service.everyone, service.renew_grant, service.installations, service.deliveries,
        service.operations, service.access, service.devices, service.metrics, service.self_test,
        service.watch,
    )  # fmt: skip
    service.clock.on_move(jobs.everything_now)
    host, _, port = service.settings.listen.rpartition(":")
    runner = web.AppRunner(build_web(service, jobs), access_log=None, handle_signals=False)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, host.strip("[]"), int(port)).start()
        except OSError as error:
            where = f"{service.settings.listen} (CONNECTOR_LISTEN)"
            raise Misconfigured(f"Nobody can be served at {where}: {error.strerror or error}") from error
        await jobs.start()
        log.info("serving", listen=service.settings.listen, public_url=service.settings.public_url)
        if await service.installations.none_yet():
            log.warning(
                "no company is connected yet: the first one needs the set-up code",
                set_up_code=set_up_code(service.settings),
            )
        yield jobs
    finally:
        await jobs.stop()
        await runner.cleanup()
