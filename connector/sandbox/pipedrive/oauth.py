"""OAuth 2.0: consent, tokens, revocation, uninstalling.

Any user of any company may be chosen on the consent page, as if signed in. The wrapper of the token endpoint's errors
is not documented by the vendor; the texts are.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from urllib.parse import urlencode, urlsplit, urlunsplit

import aiohttp
from aiohttp import web

from connector.sandbox.pages import Pages
from connector.sandbox.pipedrive.config import App
from connector.sandbox.pipedrive.errors import Refused
from connector.sandbox.pipedrive.state import Access, Code, Company, Grant, User, World
from connector.sandbox.wire import answer, read_basic, write_basic

CODE_LIFE = timedelta(minutes=5)
TOKEN_LIFE = timedelta(minutes=60)
REFRESH_LIFE = timedelta(days=60)


def refused_token(text: str) -> Refused:
    """An error of the token endpoint: always 400, told apart by its text."""
    code = text.partition(":")[0].lower().replace(" ", "_")
    return Refused(400, {"success": False, "error": code, "message": text})


def _app(world: World, client_id: str, redirect_uri: str) -> App | None:
    """The app of an authorize URL, when the callback is the registered one."""
    app = world.apps.get(client_id)
    if app is None or urlsplit(redirect_uri).scheme not in ("http", "https"):
        return None
    return app if app.redirect_uri in (None, redirect_uri) else None


def back(redirect_uri: str, **values: str) -> web.HTTPFound:
    """Send the browser back to the app."""
    parts = urlsplit(redirect_uri)
    query = "&".join(filter(None, (parts.query, urlencode(values))))
    return web.HTTPFound(urlunsplit(parts._replace(query=query)))


def issue_code(world: World, app: App, user: User, redirect_uri: str) -> str:
    """Make a code as if the user had allowed the app."""
    code = secrets.token_hex(20)
    world.codes[code] = Code(app, user, redirect_uri, world.clock.now() + CODE_LIFE)
    return code


def _exchange(world: World, app: App, form: Mapping[str, str]) -> Grant:
    code = world.codes.pop(form.get("code", ""), None)
    if code is None or code.app is not app:
        raise refused_token("Invalid grant: authorization_code is invalid")
    if code.expires <= world.clock.now():
        raise refused_token("Invalid grant: authorization_code has expired")
    if form.get("redirect_uri") != code.redirect_uri:
        raise refused_token("Invalid request: redirect_uri does not match the registered one")
    company = world.companies[code.user.company_id]
    previous = find_grant(world, app, code.user)
    if previous is not None:
        del world.grants[previous.refresh_token]
    refresh = f"{company.id}:{code.user.id}:{secrets.token_hex(20)}"
    grant = Grant(app, company, code.user, refresh, code.redirect_uri, world.clock.now())
    world.grants[refresh] = grant
    return grant


def _refresh(world: World, app: App, form: Mapping[str, str]) -> Grant:
    grant = world.grants.get(form.get("refresh_token", ""))
    now = world.clock.now()
    if grant is None or grant.app is not app or now - grant.refreshed > REFRESH_LIFE:
        raise refused_token("Invalid grant: refresh_token is invalid or already exchanged")
    grant.refreshed = now
    return grant


def find_grant(world: World, app: App, user: User) -> Grant | None:
    """The installation of an app by a user."""
    return next((g for g in world.grants.values() if g.app is app and g.user is user), None)


def _client(world: World, request: web.Request, form: Mapping[str, str]) -> App:
    """The app that proves itself by Basic auth, or by keys in the body."""
    client_id, secret = form.get("client_id", ""), form.get("client_secret", "")
    header = request.headers.get("Authorization", "")
    if header:
        try:
            client_id, secret = read_basic(header)
        except ValueError as error:
            raise refused_token("Invalid client: cannot read the authorization header") from error
    app = world.apps.get(client_id)
    if app is None or not secrets.compare_digest(app.secret.encode(), secret.encode()):
        raise refused_token("Invalid client: client is invalid")
    return app


def issue_access(world: World, grant: Grant) -> str:
    """Make an access token of 60 minutes; earlier ones stay valid until they end."""
    search, burst = world.windows(grant.company, grant.user, grant.app)
    token = f"v1u:{base64.urlsafe_b64encode(secrets.token_bytes(180)).decode()}"
    world.access[token] = Access(
        grant.company,
        grant.user,
        burst,
        search,
        grant.app,
        frozenset(grant.app.scopes.split()),
        world.clock.now() + TOKEN_LIFE,
    )
    return token


async def _form(request: web.Request) -> Mapping[str, str]:
    if request.content_type != "application/x-www-form-urlencoded":
        raise refused_token("Invalid request: content must be application/x-www-form-urlencoded")
    return {key: str(value) for key, value in (await request.post()).items()}


def close_grant(world: World, grant: Grant) -> None:
    """Remove an installation with its tokens and the webhooks the app made for the user."""
    world.grants.pop(grant.refresh_token, None)
    for token in [t for t, a in world.access.items() if a.app is grant.app and a.user is grant.user]:
        del world.access[token]
    hooks = grant.company.hooks
    for hook_id in [
        h.id for h in hooks.values() if h.app == grant.app.client_id and h.user_id == grant.user.id
    ]:
        del hooks[hook_id]


async def uninstall(world: World, session: aiohttp.ClientSession, grant: Grant) -> int | None:
    """Uninstall as a person does in Pipedrive: once, DELETE to the callback; gives its status, None when unreachable."""
    close_grant(world, grant)
    body = {
        "client_id": grant.app.client_id,
        "company_id": grant.company.id,
        "user_id": grant.user.id,
        "timestamp": world.stamp(),
    }
    auth = write_basic(grant.app.client_id, grant.app.secret)
    try:
        async with session.delete(grant.callback, json=body, headers={"Authorization": auth}) as response:
            return response.status
    except aiohttp.ClientError:
        return None


async def _consent(world: World, pages: Pages, request: web.Request) -> web.Response:
    redirect_uri = request.query.get("redirect_uri", "")
    app = _app(world, request.query.get("client_id", ""), redirect_uri)
    people: list[tuple[Company, User]] = [
        (company, user)
        for company in world.companies.values()
        for user in company.users.values()
        if user.active
    ]
    if app is None:
        return pages.answer("refused.html", 400)
    state = request.query.get("state", "")
    return pages.answer("consent.html", app=app, redirect_uri=redirect_uri, state=state, people=people)


async def _decide(world: World, pages: Pages, request: web.Request) -> web.Response:
    form = await request.post()
    redirect_uri, state = str(form.get("redirect_uri", "")), str(form.get("state", ""))
    app = _app(world, str(form.get("client_id", "")), redirect_uri)
    chosen = world.user(int(str(form["user"]))) if str(form.get("user", "")).isdigit() else None
    if app is None or chosen is None or not chosen[1].active:
        return pages.answer("refused.html", 400)
    kept = {"state": state} if state else {}
    if form.get("decision") != "allow":
        raise back(redirect_uri, error="user_denied", **kept)
    raise back(redirect_uri, code=issue_code(world, app, chosen[1], redirect_uri), **kept)


async def _token(world: World, request: web.Request) -> web.Response:
    try:
        form = await _form(request)
        app = _client(world, request, form)
        if not form.get("grant_type"):
            raise refused_token("Missing parameter: grant_type")
        if form["grant_type"] not in ("authorization_code", "refresh_token"):
            raise refused_token("Unsupported grant type: grant_type is invalid")
        grant = (_exchange if form["grant_type"] == "authorization_code" else _refresh)(world, app, form)
    except Refused as refused:
        return refused.answer()
    origin = grant.company.api_domain or world.config.api_domain or f"{request.scheme}://{request.host}"
    return answer(
        {
            "access_token": issue_access(world, grant),
            "token_type": "Bearer",
            "refresh_token": grant.refresh_token,
            "scope": app.scopes.replace(" ", ","),
            "expires_in": int(TOKEN_LIFE.total_seconds()) - 1,
            "api_domain": origin,
        }
    )


async def _revoke(world: World, request: web.Request) -> web.Response:
    try:
        form = await _form(request)
        _client(world, request, form)
    except Refused as refused:
        return refused.answer()
    value = form.get("token", "")
    if (grant := world.grants.get(value)) is not None:
        close_grant(world, grant)
    world.access.pop(value, None)
    return answer({"success": True})


def routes(world: World, pages: Pages) -> list[web.RouteDef]:
    """Give the endpoints under `/oauth`."""
    return [
        web.get("/oauth/authorize", partial(_consent, world, pages)),
        web.post("/oauth/authorize", partial(_decide, world, pages)),
        web.post("/oauth/token", partial(_token, world)),
        web.post("/oauth/token/", partial(_token, world)),
        web.post("/oauth/revoke", partial(_revoke, world)),
    ]
