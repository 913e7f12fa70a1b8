"""The control endpoints under `/_sandbox/`: load, make happen, look, switch. Not part of the vendor's API."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import TypeAlias

import orjson
from aiohttp import web

from connector.sandbox.thulium import exchange, seed, truth
from connector.sandbox.thulium.directory import find_agent
from connector.sandbox.thulium.events import HAPPENINGS
from connector.sandbox.thulium.hooks import Sender
from connector.sandbox.thulium.phones import ACTS
from connector.sandbox.thulium.state import ApiUser, System
from connector.sandbox.thulium.wire import ApiError, Body, answer, error, moment

SYSTEMS = web.AppKey("systems", dict[str, System])
SENDER = web.AppKey("sender", Sender)
Endpoint: TypeAlias = Callable[[web.Request], Awaitable[object]]


def chosen(request: web.Request, name: str) -> System:
    """Find the system of this name, by default the first one."""
    systems = request.app[SYSTEMS]
    system = systems.get(name) if name else next(iter(systems.values()))
    if system is None:
        raise ApiError(404, "Not found", f"system {name}")
    return system


def system_names(request: web.Request) -> list[str]:
    """Names of all systems, the default one first."""
    systems = request.app[SYSTEMS]
    return list(systems)


async def read(request: web.Request) -> Body:
    """Read a JSON object."""
    try:
        values = orjson.loads(await request.read() or b"{}")
    except orjson.JSONDecodeError:
        values = None
    if not isinstance(values, dict):
        raise ApiError(400, "Invalid value", "JSON object expected")
    return Body(values)


async def load(request: web.Request) -> object:
    """`POST /_sandbox/seed`: load a past, see `seed.load`."""
    body = await read(request)
    return seed.load(chosen(request, body.text("system")), body)


async def happen(request: web.Request) -> object:
    """`POST /_sandbox/happen`: one thing happens now, `what` being a key of `events.HAPPENINGS`."""
    body = await read(request)
    happening = HAPPENINGS.get(body.need("what"))
    if happening is None:
        raise ApiError(400, "Invalid value", f"what (one of {', '.join(HAPPENINGS)})")
    rest = {key: value for key, value in body.values.items() if key not in ("what", "system")}
    return happening(chosen(request, body.text("system")), Body(rest))


async def list_events(request: web.Request) -> object:
    """`GET /_sandbox/events?from&to&system`: the truth, see `truth.Fact`."""
    query = request.query
    since, until = moment(query.get("from", ""), "from"), moment(query.get("to", ""), "to")
    return truth.facts(chosen(request, query.get("system", "")), since, until)


async def list_cards(request: web.Request) -> object:
    """`GET /_sandbox/cards?system&id`: customers as they are kept, cards of companies among them, or one of them."""
    customers = chosen(request, request.query.get("system", "")).customers
    wanted = [int(request.query["id"])] if "id" in request.query else customers
    return [asdict(customers[one]) for one in wanted if one in customers]


async def show_state(request: web.Request) -> object:
    """`GET /_sandbox/state?system`: counts, calls dialled and switches."""
    system = chosen(request, request.query.get("system", ""))
    held = ("agents", "customers", "companies", "calls", "tickets", "chats", "subscriptions")
    counts: dict[str, object] = {name: len(getattr(system, name)) for name in held}
    return counts | {
        "system": system.name,
        "systems": system_names(request),
        "messages": sum(len(ticket.messages) for ticket in system.tickets.values()),
        "open_chats": sum(chat.status != "CLOSED" for chat in system.chats.values()),
        "dialled": system.dialled,
        "switches": asdict(system.switches),
    }


async def set_switches(request: web.Request) -> object:
    """`POST /_sandbox/switches`: set switches by name, in one `system` or in all."""
    body = await read(request)
    names = [body.text("system")] if "system" in body else system_names(request)
    values = {name: value for name, value in body.values.items() if name != "system"}
    for system in [chosen(request, name) for name in names]:
        try:
            system.switches.set_all(values)
        except ValueError as wrong:
            raise ApiError(400, "Invalid value", str(wrong)) from None
    return asdict(chosen(request, body.text("system")).switches)


async def set_user(request: web.Request) -> object:
    """`POST /_sandbox/users`: make or change an API user: `login`, `password`, `rights` (element to methods)."""
    body = await read(request)
    system = chosen(request, body.text("system"))
    user = system.users.setdefault(body.need("login"), ApiUser(body.text("login"), ""))
    user.password = body.text("password", user.password)
    if "rights" in body:
        rights = body.part("rights")
        user.rights = {name: tuple(Body({name: methods}).texts(name)) for name, methods in rights.items()}
    return {"login": user.login, "rights": user.rights}


async def set_agent(request: web.Request) -> object:
    """`POST /_sandbox/agents`: change the agent of a `login`: `logged_in`, `active`, `outbounds` (ids of campaigns)."""
    body = await read(request)
    agent = find_agent(chosen(request, body.text("system")), body.need("login"))
    agent.active = body.flag("active", agent.active)
    if "logged_in" in body:
        agent.status = "AVAILABLE" if body.flag("logged_in") else "LOGGED_OUT"
    if "outbounds" in body:
        agent.outbounds = tuple(body.texts("outbounds"))
    return asdict(agent)


async def ring(request: web.Request) -> object:
    """`POST /_sandbox/ring`: `number` calls, and the phone of an `agent` rings, for a `queue` (by default the first)."""
    body = await read(request)
    system = chosen(request, body.text("system"))
    queue = body.number("queue") or next(iter(system.queues), None)
    if queue is not None and queue not in system.queues:
        raise ApiError(400, "Invalid value", "queue")
    number = body.need("number").replace(" ", "")
    call = exchange.come_in(system, find_agent(system, body.need("agent")), number, queue)
    return {"id": call.connection_id}


async def act(request: web.Request) -> object:
    """`POST /_sandbox/phone`: do an `act`, one of `phones.ACTS`, at the phones of an `agent`'s call."""
    body = await read(request)
    system, wanted = chosen(request, body.text("system")), body.need("act")
    act = next((one for one in ACTS if one == wanted), None)
    if act is None:
        raise ApiError(400, "Invalid value", f"act (one of {', '.join(ACTS)})")
    call = exchange.act(system, find_agent(system, body.need("agent")), act)
    return {"id": call.connection_id, "state": call.state}


async def list_live_calls(request: web.Request) -> object:
    """`GET /_sandbox/phones?system`: calls that go on."""
    return list(chosen(request, request.query.get("system", "")).live.values())


async def set_external_crm(request: web.Request) -> object:
    """`POST /_sandbox/external_crm`: whom a ringing phone asks who calls: `url`, `user`, `password`."""
    body = await read(request)
    try:
        chosen(request, body.text("system")).external_crm.enter(
            body.text("url"), body.text("user"), body.text("password")
        )
    except ValueError as wrong:
        raise ApiError(400, "Invalid value", str(wrong)) from None
    return {"url": body.text("url")}


async def list_callers(request: web.Request) -> object:
    """`GET /_sandbox/external_crm?system`: what it answered, by connection id, once all is answered."""
    crm = chosen(request, request.query.get("system", "")).external_crm
    await crm.settled()
    return crm.answers


async def list_deliveries(request: web.Request) -> object:
    """`GET /_sandbox/hooks?system`: the webhooks sent, once the queue is empty."""
    await request.app[SENDER].settled()
    return list(chosen(request, request.query.get("system", "")).deliveries)


def control_routes() -> list[web.RouteDef]:
    """Give the endpoints; `system` in the query or the body chooses one, the first one by default."""
    return [
        web.post("/_sandbox/seed", _endpoint(load)),
        web.post("/_sandbox/happen", _endpoint(happen)),
        web.get("/_sandbox/events", _endpoint(list_events)),
        web.get("/_sandbox/cards", _endpoint(list_cards)),
        web.get("/_sandbox/state", _endpoint(show_state)),
        web.post("/_sandbox/switches", _endpoint(set_switches)),
        web.post("/_sandbox/users", _endpoint(set_user)),
        web.post("/_sandbox/agents", _endpoint(set_agent)),
        web.post("/_sandbox/ring", _endpoint(ring)),
        web.post("/_sandbox/phone", _endpoint(act)),
        web.get("/_sandbox/phones", _endpoint(list_live_calls)),
        web.post("/_sandbox/external_crm", _endpoint(set_external_crm)),
        web.get("/_sandbox/external_crm", _endpoint(list_callers)),
        web.get("/_sandbox/hooks", _endpoint(list_deliveries)),
    ]


def _endpoint(work: Endpoint) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def handle(request: web.Request) -> web.StreamResponse:
        try:
            return answer(await work(request))
        except ApiError as refusal:
            return error(refusal.status, refusal.message, refusal.about)

    return handle
