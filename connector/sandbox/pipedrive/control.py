"""What tests and the demo ask of the simulator itself, under `/_sandbox`.

Companies are named by `company` (an id); when there is but one, it may be left out.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import TypeAlias

from aiohttp import web

from connector.sandbox.pipedrive import oauth
from connector.sandbox.pipedrive.activities import ACTIVITY
from connector.sandbox.pipedrive.config import App
from connector.sandbox.pipedrive.contacts import ORGANIZATION, PERSON
from connector.sandbox.pipedrive.deals import DEAL
from connector.sandbox.pipedrive.errors import Refused
from connector.sandbox.pipedrive.merging import merge
from connector.sandbox.pipedrive.records import Actor, Entity, create, remove, rewrite, update
from connector.sandbox.pipedrive.seeding import seed
from connector.sandbox.pipedrive.sender import HookFaults, Sender
from connector.sandbox.pipedrive.state import Company, Event, User, World, v1_time
from connector.sandbox.pipedrive.users import shown_user
from connector.sandbox.wire import Object, answer, read_object

Handler: TypeAlias = Callable[[web.Request], Awaitable[web.Response]]
Control: TypeAlias = Callable[[World, Sender, web.Request], Awaitable[web.Response]]
ENTITIES: dict[str, Entity] = {entity.name: entity for entity in (PERSON, ORGANIZATION, DEAL, ACTIVITY)}
COMPANY_SETTINGS = (
    "name",
    "plan",
    "seats",
    "api_domain",
    "callto",
    "contact_sync",
    "phone_format",
    "long_names",
    "open",
    "caps",
)
USER_SETTINGS = ("name", "email", "admin", "active", "timezone", "locale", "phone")


def _company(world: World, number: object) -> Company:
    if number is None:
        if len(world.companies) != 1:
            raise ValueError("say which company")
        return next(iter(world.companies.values()))
    return world.companies[int(str(number))]


def _asked(world: World, request: web.Request) -> Company:
    return _company(world, request.query.get("company"))


def _user(world: World, body: Object) -> tuple[Company, User]:
    found = world.user(body["user"])
    if found is None:
        raise ValueError("no such user")
    return found


def edit(world: World, body: Object) -> Object | None:
    """Act as a person in Pipedrive's own pages: webhooks are sent, with `change_source` app.

    `entity`, `action` (create, change, delete, restore, merge), `id`, `changes` in the form of v2, `into` for a merge,
    `user` (by default an administrator), `company`. `entity` activity_type takes only `change`.
    """
    company = _company(world, body.get("company"))
    user = company.users[body["user"]] if "user" in body else company.admins()[0]
    actor = Actor(world, company, user, "app")
    if body["entity"] == "activity_type":
        kind = company.activity_types[body["id"]]
        kind.update(body["changes"])
        kind["update_time"] = v1_time(world.clock.now())
        return kind
    entity, action = ENTITIES[body["entity"]], body["action"]
    if action == "create":
        return create(actor, entity, body["changes"])
    record = company.table(entity.name).records[body["id"]]
    match action:
        case "change":
            return update(actor, entity, record, body["changes"])
        case "delete":
            remove(actor, entity.name, record)
        case "restore":
            company.merged.get(entity.name, {}).pop(record["id"], None)
            rewrite(actor, entity.name, record, {"is_deleted": False})
        case "merge":
            return merge(actor, entity.name, record["id"], body["into"])
        case _:
            raise ValueError("action must be create, change, delete, restore or merge")
    return record


def change_user(world: World, body: Object) -> Object:
    """Change a user as an administrator does; webhooks on users are sent."""
    company, user = _user(world, body)
    now = world.clock.now()
    before = shown_user(company, user, user, now)
    for name in USER_SETTINGS:
        if name in body:
            setattr(user, name, body[name])
    after = shown_user(company, user, user, now)
    world.publish(Event(company, "user", "change", before, after, user, "app"))
    return after


def tokens(company: Company) -> Object:
    """What the company spent today."""
    meter = company.meter
    return {
        "day": meter.day,
        "spent": meter.spent,
        "budget": company.daily_tokens,
        "by_operation": dict(meter.by_operation),
        "requests": dict(meter.requests),
    }


def state(company: Company) -> Object:
    """How much there is of everything."""
    counts: Object = {"company": company.id, "name": company.name, "open": company.open, "plan": company.plan}
    for entity in ENTITIES.values():
        records = company.table(entity.name).records.values()
        deleted = sum(record["is_deleted"] for record in records)
        counts[entity.plural] = {"alive": len(records) - deleted, "deleted": deleted}
    counts["users"] = [
        {
            "id": u.id,
            "name": u.name,
            "email": u.email,
            "admin": u.admin,
            "active": u.active,
            "api_token": u.api_token,
        }
        for u in company.users.values()
    ]
    return counts | {"hooks": len(company.hooks), "merged": company.merged}


async def _do_seed(world: World, _sender: Sender, request: web.Request) -> web.Response:
    return answer(seed(world, await read_object(request)), 201)


async def _do_edit(world: World, _sender: Sender, request: web.Request) -> web.Response:
    return answer(edit(world, await read_object(request)))


async def _list_companies(world: World, _sender: Sender, _request: web.Request) -> web.Response:
    return answer([state(company) for company in world.companies.values()])


async def _show_state(world: World, _sender: Sender, request: web.Request) -> web.Response:
    return answer(state(_asked(world, request)))


async def _show_activities(world: World, _sender: Sender, request: web.Request) -> web.Response:
    return answer(list(_asked(world, request).activities.records.values()))


async def _show_records(world: World, _sender: Sender, request: web.Request) -> web.Response:
    records = _asked(world, request).table(request.query["entity"]).records
    wanted = [int(request.query["id"])] if "id" in request.query else records
    return answer([records[one] for one in wanted if one in records])


async def _show_tokens(world: World, _sender: Sender, request: web.Request) -> web.Response:
    company = _asked(world, request)
    company.meter.turn(world.clock.now().date())
    return answer(tokens(company))


async def _change_company(world: World, _sender: Sender, request: web.Request) -> web.Response:
    """Switch things of a company: `open` false answers 402, `spent` sets today's tokens, `caps` plan limits."""
    body = await read_object(request)
    company = _company(world, body.get("company"))
    for name in COMPANY_SETTINGS:
        if name in body:
            setattr(company, name, body[name])
    if "spent" in body:
        company.meter.turn(world.clock.now().date())
        company.meter.spent = int(body["spent"])
    return answer(state(company))


async def _do_change_user(world: World, _sender: Sender, request: web.Request) -> web.Response:
    return answer(change_user(world, await read_object(request)))


async def _change_app(world: World, _sender: Sender, request: web.Request) -> web.Response:
    """Register an app, or change its `secret`, `name`, `redirect_uri` or `scopes` (text with spaces)."""
    body = await read_object(request)
    app = world.apps.setdefault(body["client_id"], App(client_id=body["client_id"]))
    for name in ("secret", "name", "redirect_uri", "scopes"):
        if name in body:
            setattr(app, name, body[name])
    return answer({"client_id": app.client_id, "scopes": app.scopes})


async def _authorise(world: World, _sender: Sender, request: web.Request) -> web.Response:
    """Allow an app as the user would, without the page: gives the `code` for `redirect_uri`."""
    body = await read_object(request)
    _, user = _user(world, body)
    app = world.apps[body.get("client_id", "demo-client")]
    return answer({"code": oauth.issue_code(world, app, user, body["redirect_uri"])}, 201)


async def _do_uninstall(world: World, sender: Sender, request: web.Request) -> web.Response:
    body = await read_object(request)
    _, user = _user(world, body)
    grant = oauth.find_grant(world, world.apps[body.get("client_id", "demo-client")], user)
    if grant is None:
        raise ValueError("the app is not installed")
    assert sender.session is not None  # noqa: S101 - requests come after the start
    return answer({"callback_status": await oauth.uninstall(world, sender.session, grant)})


async def _expire_tokens(world: World, _sender: Sender, _request: web.Request) -> web.Response:
    """End every access token now; refresh tokens stay."""
    ended = len(world.access)
    world.access.clear()
    return answer({"ended": ended})


async def _show_hooks(world: World, _sender: Sender, request: web.Request) -> web.Response:
    company = _asked(world, request)
    hooks = [
        {
            **hook.record,
            "failed_first_attempts": hook.failed_first_attempts,
            "banned_until": hook.banned_until,
            "last_success": hook.last_success,
        }
        for hook in company.hooks.values()
    ]
    return answer(hooks)


async def _show_deliveries(world: World, sender: Sender, request: web.Request) -> web.Response:
    company = _asked(world, request)
    return answer([delivery.shown() for delivery in sender.log if delivery.company_id == company.id])


async def _set_hook_faults(_world: World, sender: Sender, request: web.Request) -> web.Response:
    sender.faults = HookFaults(**await read_object(request))
    return answer(asdict(sender.faults))


async def _clear_hook_faults(_world: World, sender: Sender, _request: web.Request) -> web.Response:
    sender.faults = HookFaults()
    sender.release()
    return web.Response(status=204)


async def _settle_hooks(_world: World, sender: Sender, request: web.Request) -> web.Response:
    """Wait until no webhook is under way, at most `seconds` (5)."""
    seconds = float((await read_object(request)).get("seconds", 5)) if request.can_read_body else 5
    return answer({"settled": await sender.settle(seconds)})


HANDLERS: list[tuple[str, str, Control]] = [
    ("POST", "seed", _do_seed),
    ("POST", "edit", _do_edit),
    ("GET", "companies", _list_companies),
    ("POST", "company", _change_company),
    ("POST", "user", _do_change_user),
    ("POST", "app", _change_app),
    ("POST", "authorise", _authorise),
    ("POST", "uninstall", _do_uninstall),
    ("POST", "expire", _expire_tokens),
    ("GET", "state", _show_state),
    ("GET", "activities", _show_activities),
    ("GET", "records", _show_records),
    ("GET", "tokens", _show_tokens),
    ("GET", "hooks", _show_hooks),
    ("GET", "hooks/deliveries", _show_deliveries),
    ("POST", "hooks/faults", _set_hook_faults),
    ("DELETE", "hooks/faults", _clear_hook_faults),
    ("POST", "hooks/settle", _settle_hooks),
]


def _checked(world: World, sender: Sender, order: Control) -> Handler:
    """Answer 400 to orders that make no sense."""

    async def control(request: web.Request) -> web.Response:
        try:
            return await order(world, sender, request)
        except Refused as refused:
            return refused.answer()
        except (ValueError, KeyError, TypeError, StopIteration) as error:
            return answer({"error": f"{type(error).__name__}: {error}"}, 400)

    return control


def routes(world: World, sender: Sender) -> list[web.RouteDef]:
    """Give the control endpoints."""
    return [
        web.route(method, f"/_sandbox/{path}", _checked(world, sender, order))
        for method, path, order in HANDLERS
    ]
