"""v1: managing webhooks. A URL is judged by its form, it is not called before the first event.

Apps see and delete only the webhooks that they made; users see those that no app made, administrators all of these.
"""

from __future__ import annotations

import ipaddress
from datetime import UTC, datetime
from urllib.parse import urlsplit

from aiohttp import web

from connector.sandbox.pipedrive.access import Call, Operation
from connector.sandbox.pipedrive.errors import Refused
from connector.sandbox.pipedrive.state import Hook
from connector.sandbox.wire import Object, answer

ACTIONS = ("create", "change", "delete", "*")
OBJECTS = [
    "activity",
    "deal",
    "lead",
    "note",
    "organization",
    "person",
    "pipeline",
    "product",
    "stage",
    "user",
    "*",
    "deal_product",
    "deal_installment",
    "project",
    "task",
    "board",
    "phase",
]
MOST = 40


def refused(status: int, **errors: list[str]) -> Refused:
    """Refuse in the shape of the webhook endpoints."""
    return Refused(status, {"status": "error", "success": False, "errors": errors})


def precise(time: datetime) -> str:
    """A time with milliseconds, as webhooks write it."""
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def loopback(url: str) -> bool:
    """Whether a URL stays on this machine."""
    host = urlsplit(url).hostname or ""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _acceptable(url: object) -> bool:
    if not isinstance(url, str) or len(url) > 255:
        return False
    parts = urlsplit(url)
    if loopback(url):
        return parts.scheme in ("http", "https")
    host = parts.hostname or ""
    try:
        public = ipaddress.ip_address(host).is_global
    except ValueError:
        public = "." in host and not host.endswith((".pipedrive.com", ".local", ".internal"))
    return parts.scheme == "https" and public and host != "pipedrive.com"


def _check(body: Object) -> None:
    for name in ("subscription_url", "event_action", "event_object", "name"):
        if not isinstance(body.get(name), str) or not body[name]:
            raise refused(400, **{name: ["is required"]})
    if body["event_action"] not in ACTIONS:
        raise refused(400, event_action=[f"must be one of {', '.join(ACTIONS)}"])
    if body["event_object"] not in OBJECTS:
        raise refused(400, event_object=["is not supported"])
    if len(body["name"]) > 255:
        raise refused(400, name=["must be at most 255 characters"])
    if body.get("version", "2.0") != "2.0":
        raise refused(400, version=["only version 2.0 is simulated"])
    if not _acceptable(body["subscription_url"]):
        raise refused(400, subscription_url=["invalid or non-reachable URL"])


async def _add(call: Call) -> web.Response:
    try:
        body = await call.body()
    except Refused as error:
        raise refused(400, body=["must be a JSON object"]) from error
    _check(body)
    company, user_id = call.company, body.get("user_id", call.user.id)
    if user_id != call.user.id and (not call.user.admin or user_id not in company.users):
        raise Refused(403, {"success": False, "message": "Forbidden"})
    app = call.access.app.client_id if call.access.app else None
    if sum(hook.user_id == user_id and hook.app == app for hook in company.hooks.values()) >= MOST:
        raise refused(422, webhook=[f"limit of {MOST} webhooks is reached"])
    now = call.world.clock.now()
    hook_id = next(call.world.hook_ids)
    record = {
        "id": hook_id,
        "company_id": company.id,
        "owner_id": call.user.id,
        "user_id": user_id,
        "event_action": body["event_action"],
        "event_object": body["event_object"],
        "subscription_url": body["subscription_url"],
        "version": "2.0",
        "is_active": 1,
        "add_time": precise(now),
        "remove_time": None,
        "type": "application" if app else "general",
        "http_auth_user": body.get("http_auth_user"),
        "http_auth_password": body.get("http_auth_password"),
        "remove_reason": None,
        "last_delivery_time": None,
        "last_http_status": None,
        "admin_id": call.user.id,
        "name": body["name"],
    }
    company.hooks[hook_id] = Hook(hook_id, record, user_id, app, now)
    return answer({"status": "ok", "success": True, "data": record}, 201)


def _mine(call: Call, hook: Hook) -> bool:
    if call.access.app is not None:
        return hook.app == call.access.app.client_id
    return hook.app is None and (call.user.admin or hook.user_id == call.user.id)


async def _list(call: Call) -> web.Response:
    records = [hook.record for hook in call.company.hooks.values() if _mine(call, hook)]
    return answer({"status": "ok", "success": True, "data": records})


async def _delete(call: Call) -> web.Response:
    hook = call.company.hooks.get(call.id)
    if hook is None:
        raise refused(404, id=["webhook not found"])
    if not _mine(call, hook):
        raise Refused(403, {"success": False, "message": "Forbidden"})
    del call.company.hooks[hook.id]
    return answer({"status": "ok", "success": True})


_WRITE = ("admin", "webhooks:full")
OPERATIONS = [
    Operation("GET", "/v1/webhooks", 10, (*_WRITE, "webhooks:read"), _list),
    Operation("POST", "/v1/webhooks", 10, _WRITE, _add),
    Operation("DELETE", r"/v1/webhooks/{id:\d+}", 6, _WRITE, _delete),
]
