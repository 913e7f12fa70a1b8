"""One simulated Pipedrive as an aiohttp application."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

import aiohttp
from aiohttp import web
from aiohttp.typedefs import Middleware

from connector.sandbox.faults import Faults, Rule, control_routes
from connector.sandbox.pages import Pages, serve_pages
from connector.sandbox.pipedrive import (
    activities,
    contacts,
    control,
    deals,
    field_api,
    hooks,
    merging,
    oauth,
    search,
    sender,
    users,
    views,
)
from connector.sandbox.pipedrive.access import Operation, identify, rate_headers, serve
from connector.sandbox.pipedrive.config import Config, demo_config
from connector.sandbox.pipedrive.errors import Refused, html, over_limit, unauthorised, v1_error
from connector.sandbox.pipedrive.seeding import seed
from connector.sandbox.pipedrive.state import World
from connector.sandbox.wire import answer

WORLD = web.AppKey("WORLD", World)
FAULTS = web.AppKey("FAULTS", Faults)
SENDER = web.AppKey("SENDER", sender.Sender)
API = ("/api/", "/v1/", "/oauth/token", "/oauth/revoke")
LARGEST_SEED = 256 * 1024 * 1024

OPERATIONS: Sequence[Operation] = (
    *activities.OPERATIONS,
    *search.OPERATIONS,
    *contacts.OPERATIONS,
    *deals.OPERATIONS,
    *field_api.OPERATIONS,
    *users.OPERATIONS,
    *hooks.OPERATIONS,
    *merging.OPERATIONS,
)


def create_app(config: Config | None = None, middlewares: Sequence[Middleware] = ()) -> web.Application:
    """Build a simulator with its companies; `middlewares` see every request and answer, faults included."""
    world = World(config or demo_config())
    if world.config.companies:
        seed(world, {"companies": world.config.companies})
    faults = Faults(world.clock, _is_api, _vendor_answer(world), world.config.latency_ms)
    app = web.Application(middlewares=[*middlewares, faults.middleware], client_max_size=LARGEST_SEED)
    app[WORLD], app[FAULTS] = world, faults
    app.on_response_prepare.append(world.clock.date_answers)
    app.on_cleanup.append(faults.close)
    pages = Pages(Path(__file__).parent / "templates", "Simulated Pipedrive", views.NAV)
    post = sender.Sender(world)
    app[SENDER] = post
    world.publish = post.publish

    async def outgoing(_app: web.Application) -> AsyncIterator[None]:
        async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
            post.session = session
            yield
            await post.close()

    app.cleanup_ctx.append(outgoing)
    for operation in OPERATIONS:
        for path in _paths(operation.path):
            app.router.add_route(operation.method, path, serve(world, operation))
    app.add_routes(oauth.routes(world, pages))
    app.add_routes(control_routes(faults, world.clock))
    app.add_routes(control.routes(world, post))
    app.add_routes(views.routes(world, faults, post, pages))
    serve_pages(app)
    for prefix in ("/v1", "/api"):
        app.router.add_route("*", prefix + "/{rest:.*}", _unknown_endpoint)
    return app


def _paths(path: str) -> tuple[str, ...]:
    return (path, f"/api{path}") if path.startswith("/v1") else (path,)


def _is_api(path: str) -> bool:
    return path.startswith(API)


async def _unknown_endpoint(_request: web.Request) -> web.Response:
    return v1_error(404, "Unknown method .").answer()


def _vendor_answer(world: World) -> Callable[[Rule, web.Request], web.StreamResponse]:
    def build(rule: Rule, request: web.Request) -> web.Response:
        if rule.kind == "html_403":
            return html(403)
        if rule.kind == "unauthorised":
            return unauthorised("access_token is invalid").answer()
        if rule.kind in ("burst_429", "daily_429"):
            left = "0" if rule.kind == "burst_429" else "1"
            response = over_limit().answer()
            response.headers.update(_headers(world, request) | {"x-ratelimit-remaining": left})
            return response
        if rule.html:
            return html(rule.status)
        if request.path.startswith("/oauth/token") and rule.status == 400:
            return oauth.refused_token(
                "Invalid grant: refresh_token is invalid or already exchanged"
            ).answer()
        body = {"success": False, "error": "Something went wrong", "code": "ERR_UNKNOWN"}
        return answer(body, rule.status, _headers(world, request))

    return build


def _headers(world: World, request: web.Request) -> dict[str, str]:
    try:
        return rate_headers(world, identify(world, request))
    except Refused:
        return {"x-ratelimit-limit": "160", "x-ratelimit-remaining": "159", "x-ratelimit-reset": "2"}
