"""The simulated Thulium as an application: one process, several customers' systems, nothing on disk.

Each system is served under `/{system}/api/…`, the first one also under `/api/…`.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from aiohttp import web
from aiohttp.typedefs import Middleware

from connector.sandbox import faults
from connector.sandbox.clock import Clock
from connector.sandbox.pages import serve_pages
from connector.sandbox.thulium import calls, chats, crm_api, dialling, directory, field_items, hooks, tickets
from connector.sandbox.thulium.api import routes
from connector.sandbox.thulium.control import SENDER, SYSTEMS, control_routes
from connector.sandbox.thulium.hooks import Sender
from connector.sandbox.thulium.pages import page_routes
from connector.sandbox.thulium.phones import Engine
from connector.sandbox.thulium.state import ApiUser, System
from connector.sandbox.thulium.wire import error

MAX_BODY = 256 * 2**20  # seeds of a hundred thousand records
SYSTEM_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
RESOURCES = (
    *directory.ROUTES,
    *crm_api.ROUTES,
    *field_items.ROUTES,
    *calls.ROUTES,
    *dialling.ROUTES,
    *tickets.ROUTES,
    *chats.ROUTES,
    *hooks.ROUTES,
)


@dataclass(frozen=True)
class Config:
    """How a simulator starts; `login` and `password` are those of an API user with every right, in each system."""

    systems: tuple[str, ...] = ("demo",)
    login: str = "connector"
    password: str = "demo-password"
    zone: str = "Europe/Warsaw"
    latency_ms: float = 0


CLOCK = web.AppKey("clock", Clock)
FAULTS = web.AppKey("faults", faults.Faults)


def create_app(
    config: Config | None = None, *, middlewares: Sequence[Middleware] = (), engine: Engine | None = None
) -> web.Application:
    """Make the application; `middlewares` see every request and answer, faults included.

    `engine` makes the phones ring, in all systems, in place of the timers that come with it.
    """
    config = config or Config()
    clock, sender, later = Clock(), Sender(), Later()
    fault_rules = faults.Faults(clock, is_api, vendor_answer, config.latency_ms)
    systems: dict[str, System] = {}

    def emit(system: System, action: str, fields: Mapping[str, object]) -> None:
        sender.emit(system, action, fields)
        if action == "AGENT_RINGING":
            ref = str(fields["connection_id"])
            call = system.live.get(ref) or system.calls[ref]
            system.external_crm.ring(ref, call.customer_number)

    for name in config.systems:
        if not SYSTEM_NAME.fullmatch(name) or name in ("api", "panel"):
            raise ValueError(f"{name!r} can't be the name of a system")
        users = {config.login: ApiUser(config.login, config.password)}
        systems[name] = System(name, clock, ZoneInfo(config.zone), users, emit, later.do)
        systems[name].engine = engine or systems[name].engine
        directory.furnish(systems[name])
    app = web.Application(middlewares=[*middlewares, fault_rules.middleware], client_max_size=MAX_BODY)
    app[SYSTEMS], app[SENDER], app[CLOCK], app[FAULTS] = systems, sender, clock, fault_rules
    app.on_response_prepare.append(clock.date_answers)
    app.on_cleanup.append(fault_rules.close)
    app.router.add_routes(faults.control_routes(fault_rules, clock))
    app.router.add_routes(control_routes())
    for name, system in systems.items():
        app.router.add_routes(routes(system, f"/{name}", RESOURCES))
    app.router.add_routes(routes(systems[config.systems[0]], "", RESOURCES))
    app.router.add_routes(page_routes(list(systems.values())))
    serve_pages(app)

    async def sending(_app: web.Application) -> AsyncIterator[None]:
        task = asyncio.create_task(sender.run())
        yield
        later.forget()
        for system in systems.values():
            await system.external_crm.close()
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    app.cleanup_ctx.append(sending)
    return app


class Later:
    """Things that happen after a while, in real time, unless the application ends first."""

    def __init__(self) -> None:
        """Begin with nothing to do."""
        self._waiting: set[asyncio.TimerHandle] = set()

    def do(self, seconds: float, work: Callable[[], object]) -> None:
        """Have something done after `seconds`."""

        def run() -> None:
            self._waiting.discard(handle)
            work()

        handle = asyncio.get_running_loop().call_later(seconds, run)
        self._waiting.add(handle)

    def forget(self) -> None:
        """Do nothing of it any more."""
        for handle in self._waiting:
            handle.cancel()


def is_api(path: str) -> bool:
    """Whether a path belongs to the API of some system, so that faults and latency apply."""
    return path.startswith("/api/") or path.split("/", 3)[2:3] == ["api"]


def vendor_answer(rule: faults.Rule, request: web.Request) -> web.StreamResponse:
    """Answer a fault as the vendor does; of limits nothing is known, so a 429 carries only `Retry-After`."""
    language = request.headers.get("Accept-Language", "en")
    if rule.kind == "unauthorised":
        return error(401, "Authentication required", language=language)
    if rule.kind in ("burst_429", "daily_429"):
        refused = error(429, "Too many requests", language=language)
        refused.headers["Retry-After"] = "1" if rule.kind == "burst_429" else "3600"
        return refused
    status = 403 if rule.kind == "html_403" else rule.status
    if rule.html or rule.kind == "html_403":
        page = (
            f"<!doctype html><html><head><title>{status}</title></head><body><h1>{status}</h1></body></html>"
        )
        return web.Response(text=page, status=status, content_type="text/html")
    return error(status, "Temporary error", language=language)
