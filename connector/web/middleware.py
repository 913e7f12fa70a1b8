"""The frame round every answer: safe headers, errors in the visitor's language, one log line.

Webhooks pass through almost untouched: they are many, and only machines read their answers.
"""

from __future__ import annotations

import ipaddress
import secrets
import time
import traceback
from collections.abc import Mapping, Sequence

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler, Middleware
from pydantic import IPvAnyNetwork
from yarl import URL

from connector.i18n import Translate
from connector.settings import Settings
from connector.web.pages import page, translate_for

log = structlog.get_logger()

API = "/api/"
FOR_MACHINES = ("/hooks/", "/lookup/", "/line", "/health/", "/metrics", "/_clock")
QUIET = ("/health/", "/metrics", "/line/poll", "/static/")
_FRAMED_BY = web.RequestKey("framed by", str)
_FORMS_LEAD_TO = web.RequestKey("forms lead to", str)
_KEEPS_OPENER = web.RequestKey("keeps opener", bool)
_OF_ALL = web.RequestKey("headers of all", dict[str, str])
KEPT_HEADERS = ("Allow", "Retry-After", "WWW-Authenticate")


def middlewares(settings: Settings) -> list[Middleware]:
    """All middlewares of the service."""
    safe = _safe_headers(https=settings.public.scheme == "https")

    @web.middleware
    async def frame(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path.startswith("/hooks/"):
            return await _bare(request, handler)
        forwarded = request.headers.getall("X-Forwarded-For", [])
        request = request.clone(remote=caller(request.remote or "", forwarded, settings.trusted_proxies))
        request_id, begun = secrets.token_hex(8), time.perf_counter()
        request[_OF_ALL] = safe | {"X-Request-Id": request_id}
        with structlog.contextvars.bound_contextvars(request_id=request_id):
            try:
                answer = await handler(request)
            except web.HTTPException as error:
                answer = _refusal(request, error, request_id)
            except Exception as error:  # noqa: BLE001 - the last line of defence: the visitor gets a page
                _log_failure(error)
                answer = _refusal(request, web.HTTPInternalServerError(), request_id)
            answer.headers.update(headers_of(request))
            write = log.debug if request.path.startswith(QUIET) else log.info
            write(
                "request", method=request.method, route=_route(request), status=answer.status,
                ms=round((time.perf_counter() - begun) * 1000, 1),
            )  # fmt: skip
        return answer

    return [frame]


def caller(remote: str, forwarded: Sequence[str], proxies: Sequence[IPvAnyNetwork]) -> str:
    """Whose request it is: the last address of `remote` and X-Forwarded-For that is none of our `proxies`.

    Each proxy adds at the end whom it had the request from; what stands before a stranger's address is his own word.
    """
    for hop in reversed(",".join(forwarded).split(",") if forwarded else []):
        if not _is_within(remote, proxies):
            break
        remote = hop.strip()
    return remote


def _is_within(address: str, networks: Sequence[IPvAnyNetwork]) -> bool:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    parsed = getattr(parsed, "ipv4_mapped", None) or parsed
    return any(parsed in network for network in networks)


def allow_framing(request: web.Request, origin: str) -> None:
    """Let pages of `origin`, and no others, show the answer to `request` in a frame, also when it is a refusal."""
    request[_FRAMED_BY] = str(URL(origin).origin())


def let_forms_lead(request: web.Request, origin: str) -> None:
    """Let what a form of the answer is sent to lead on to `origin`, which browsers else refuse."""
    request[_FORMS_LEAD_TO] = origin


def keep_opener(request: web.Request) -> None:
    """Let the window that opened this one as a pop-up stay its opener, whatever it shows on its way."""
    request[_KEEPS_OPENER] = True


def headers_of(request: web.Request) -> dict[str, str]:
    """The headers of every answer; one that is sent piece by piece has to be given them before it begins."""
    return request[_OF_ALL] | _asked_for(request)


def _asked_for(request: web.Request) -> dict[str, str]:
    """The headers in which an answer differs from the others because its handler asked for it."""
    headers = {}
    if _FRAMED_BY in request or _FORMS_LEAD_TO in request:
        headers["Content-Security-Policy"] = _content_policy(
            request.get(_FRAMED_BY, "'none'"), request.get(_FORMS_LEAD_TO, "")
        )
    if request.get(_KEEPS_OPENER):
        headers["Cross-Origin-Opener-Policy"] = "unsafe-none"
    return headers


def _content_policy(ancestors: str, forms_lead_to: str = "") -> str:
    forms = f"form-action 'self' {forms_lead_to}".rstrip()
    return f"default-src 'self'; object-src 'none'; base-uri 'none'; {forms}; frame-ancestors {ancestors}"


def _safe_headers(*, https: bool) -> dict[str, str]:
    headers = {
        "Content-Security-Policy": _content_policy("'none'"),
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Server": "connector",
    }
    if https:
        headers["Strict-Transport-Security"] = "max-age=31536000"
    return headers


async def _bare(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except web.HTTPException as error:
        return _for_machine(error, None)
    except Exception as error:  # noqa: BLE001 - as above
        _log_failure(error)
        return _for_machine(web.HTTPInternalServerError(), None)


def _refusal(request: web.Request, error: web.HTTPException, request_id: str) -> web.Response:
    if error.status < 400:
        return web.Response(status=error.status, headers=error.headers)
    if request.path.startswith(API):
        return _problem(error, request_id)
    if _wants_json(request):
        return _for_machine(error, request_id)
    trouble = _sentences(error, translate_for(request))
    return page(
        request,
        "problem.html",
        status=error.status,
        headers=_kept(error),
        title=trouble[0],
        text=trouble[1],
        reference=request_id if error.status >= 500 else None,
        again=None,
    )


def _sentences(error: web.HTTPException, _: Translate) -> tuple[str, str]:
    """What happened, and what to do next."""
    if error.status >= 500:
        return (
            _("Something went wrong on our side"),
            _(
                "It has been written down. Try again; if it happens again, give the operator the reference below."
            ),
        )
    known = {
        401: (_("Sign in first"), _("This address answers only to those who prove who they are.")),
        403: (_("This is not for you"), _("You are not allowed to open this address.")),
        404: (_("There is no such page"), _("Check the address, or go to the start page.")),
        405: (_("That cannot be done here"), _("The address exists, but not for this kind of request.")),
        413: (_("Too much was sent"), _("Send less at once.")),
        429: (_("Too many attempts"), _("Wait a minute, then try again.")),
    }
    other = (_("The request cannot be understood"), _("Check the address, or go to the start page."))
    return known.get(error.status, other)


def _problem(error: web.HTTPException, request_id: str) -> web.Response:
    """A refusal of the HTTP API: problem details, https://www.rfc-editor.org/rfc/rfc9457."""
    body = {
        "type": "about:blank", "title": _said(error), "status": error.status, "request_id": request_id,
    }  # fmt: skip
    return web.json_response(
        body, status=error.status, headers=_kept(error), content_type="application/problem+json"
    )


def _said(error: web.HTTPException) -> str:
    # A text that a handler gave is its own explanation; the default is "404: Not Found".
    given = error.text if error.text and not error.text.startswith(f"{error.status}:") else None
    return given or error.reason


def _for_machine(error: web.HTTPException, request_id: str | None) -> web.Response:
    body: dict[str, object] = {"error": _said(error), "status": error.status}
    if request_id:
        body["request_id"] = request_id
    return web.json_response(body, status=error.status, headers=_kept(error))


def _kept(error: web.HTTPException) -> Mapping[str, str]:
    return {name: error.headers[name] for name in KEPT_HEADERS if name in error.headers}


def _wants_json(request: web.Request) -> bool:
    accept = request.headers.get("Accept", "")
    return request.path.startswith(FOR_MACHINES) or ("json" in accept and "text/html" not in accept)


def _route(request: web.Request) -> str:
    """The pattern that matched: a path itself may hold what must not be logged."""
    resource = request.match_info.route.resource
    return resource.canonical if resource is not None else "none"


def _log_failure(error: Exception) -> None:
    """Log where it happened, not what was said: messages may quote what a stranger sent."""
    frames = traceback.extract_tb(error.__traceback__)[-8:]
    log.error(
        "unexpected failure",
        error=type(error).__name__,
        at=[f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames],
    )
