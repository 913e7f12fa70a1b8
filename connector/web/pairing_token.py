"""The token of a device: for the one-time code that an agent's answer gave, and the secret that only the device knows.

The words of its errors are those of https://www.rfc-editor.org/rfc/rfc6749#section-5.2.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta

import orjson
import structlog
from aiohttp import web

from connector.clock import Clock
from connector.errors import Misconfigured
from connector.flows.tenant import Tenant
from connector.settings import Settings
from connector.store.access import Who
from connector.store.devices import Devices
from connector.web.access import Guard
from connector.web.pairing_request import PATH, TERMINAL, Asked, fits, is_origin_of, origin_of
from connector.web.recent import Recent

log = structlog.get_logger()

TOKEN = f"{PATH}/token"
CODE_LIFE = timedelta(seconds=60)
_LARGEST_BODY = 4096

#: Ends a device's open lines.
End = Callable[[str], None]


@dataclass(slots=True)
class _Allowed:
    """What an agent allowed, until the device comes for its token."""

    asked: Asked
    who: Who
    connection: str
    login: str
    is_used: bool = False
    is_doubted: bool = False
    device_id: str = ""

    @property
    def agent(self) -> str:
        return f"{self.connection}/{self.login}"

    def fits(self, body: Mapping[str, str]) -> bool:
        """Whether whoever brings the code is the one that asked for it."""
        return (
            fits(body.get("code_verifier", ""), self.asked.challenge)
            and body.get("client") == self.asked.client
            and body.get("redirect_uri") == self.asked.redirect_uri
        )


class _Failed(Exception):
    """No token is given; the text is the error's word."""


class Tokens:
    """Codes that wait for their device, and the address where it comes with them."""

    def __init__(
        self, devices: Devices, guard: Guard, find: Callable[[str], Awaitable[Tenant]], settings: Settings,
        clock: Clock, end: End,
    ) -> None:  # fmt: skip
        """`find` reads an installation as it is set up now."""
        self._devices, self._guard, self._find, self._end = devices, guard, find, end
        self._extensions = settings.extension_ids
        # By their hashes, as all that opens something is kept; a restart forgets them, and the agent presses again.
        self._allowed: Recent[str, _Allowed] = Recent(clock, CODE_LIFE)

    def routes(self) -> web.RouteTableDef:
        """The address of tokens, and what browsers ask there first."""
        table = web.RouteTableDef()
        table.post(TOKEN)(self.trade)
        table.options(TOKEN)(self.preflight)
        return table

    def code_for(self, asked: Asked, who: Who, connection: str, login: str) -> str:
        """A code that gives a token once, within a minute, to whoever asked, to dial as this agent."""
        code = secrets.token_urlsafe(32)
        self._allowed.keep(_hash(code), _Allowed(asked, who, connection, login))
        return code

    async def trade(self, request: web.Request) -> web.Response:
        """A token for a code."""
        try:
            answer = await self._traded(request)
        except _Failed as failed:
            return self._fail(request, str(failed))
        return web.json_response(answer, headers=self._headers(request))

    async def _traded(self, request: web.Request) -> dict[str, object]:
        body = await _body(request)
        if body.get("grant_type") != "authorization_code":
            raise _Failed("unsupported_grant_type")
        allowed = self._allowed.get(_hash(body.get("code", "")))
        if allowed is None:
            raise _Failed("invalid_grant")
        if allowed.is_used:
            await self._doubt(allowed)
            raise _Failed("invalid_grant")
        allowed.is_used = True
        origin = origin_of(allowed.asked.client, request.headers.get("Origin", ""))
        if origin is None or not allowed.fits(body):
            raise _Failed("invalid_grant")
        try:
            tenant = await self._find(allowed.who.installation_id)
            token = await self._pair(tenant, allowed, origin)
        except Misconfigured:  # the installation has ended meanwhile
            raise _Failed("invalid_grant") from None
        if allowed.is_doubted:
            await self._doubt(allowed)
            raise _Failed("invalid_grant")
        known = tenant.directory.people.agents.get((allowed.connection, allowed.login))
        name = known.name if known is not None else allowed.who.name
        return {
            "token": token,
            "agent": {"name": name, "login": allowed.login, "centre": allowed.connection},
            "company": tenant.installed.name,
            "pipedrive": tenant.page("").rstrip("/"),
        }

    async def _pair(self, tenant: Tenant, allowed: _Allowed, origin: str) -> str:
        asked, who, agent = allowed.asked, allowed.who, allowed.agent
        name = asked.name or ("Terminal" if asked.client == TERMINAL else "Browser")
        paired, token = await self._devices.pair(
            tenant.id, agent, user_id=who.user_id, name=name, client=asked.client, origin=origin
        )
        allowed.device_id = paired.id
        await tenant.audit.note(who, "pair device", device=paired.id, agent=agent)
        log.info("paired", installation=tenant.id, device=paired.id, agent=agent)
        return token

    async def _doubt(self, allowed: _Allowed) -> None:
        """A code that comes twice is known to somebody else, or its answer was lost: what it gave opens nothing any more."""
        allowed.is_doubted = True
        if allowed.device_id:
            await self._devices.revoke(allowed.who.installation_id, allowed.device_id)
            self._end(allowed.device_id)
            log.warning("a pairing code came twice", device=allowed.device_id)

    async def preflight(self, request: web.Request) -> web.Response:
        """What a browser asks before it sends an extension's JSON."""
        if not self._is_extension(request):
            raise web.HTTPForbidden
        asked = {
            "Access-Control-Allow-Methods": "POST", "Access-Control-Allow-Headers": "content-type",
            "Access-Control-Max-Age": "600",
        }  # fmt: skip
        return web.Response(status=204, headers=self._headers(request) | asked)

    def _fail(self, request: web.Request, error: str) -> web.Response:
        """The same words for all that is wrong with a code: nothing is to be learned by trying."""
        status, headers = 400, self._headers(request)
        try:
            self._guard.count_stranger(request)
        except web.HTTPTooManyRequests as refusal:
            status, error = refusal.status, "slow_down"
            headers["Retry-After"] = refusal.headers["Retry-After"]
        said = {"error": error, "error_description": _SAID[error]}
        return web.json_response(said, status=status, headers=headers)

    def _headers(self, request: web.Request) -> dict[str, str]:
        """Kept by nobody, and read by an extension if it is one that is allowed here."""
        headers = {"Cache-Control": "no-store", "Vary": "Origin"}
        if self._is_extension(request):
            headers["Access-Control-Allow-Origin"] = request.headers["Origin"]
        return headers

    def _is_extension(self, request: web.Request) -> bool:
        origin = request.headers.get("Origin", "")
        return bool(origin) and is_origin_of(self._extensions, origin)


_SAID = {
    "invalid_request": "Send a JSON object of texts: grant_type, code, code_verifier, client and redirect_uri.",
    "unsupported_grant_type": "grant_type is authorization_code.",
    "invalid_grant": "The code was used, is older than a minute, or is another client's. Ask the agent again.",
    "slow_down": "There were too many attempts. Wait a minute, then ask the agent again.",
}


async def _body(request: web.Request) -> Mapping[str, str]:
    # JSON, which a form of another site cannot send.
    if request.content_type != "application/json" or (request.content_length or 0) > _LARGEST_BODY:
        raise _Failed("invalid_request")
    try:
        given = orjson.loads(await request.read())
    except orjson.JSONDecodeError:
        raise _Failed("invalid_request") from None
    if not isinstance(given, dict) or not all(isinstance(value, str) for value in given.values()):
        raise _Failed("invalid_request")
    return given


def _hash(code: str) -> str:
    return hashlib.sha256(code.encode("utf-8", "replace")).hexdigest()
