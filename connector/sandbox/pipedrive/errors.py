"""Refusals, in the shapes that the vendor answers."""

from __future__ import annotations

from aiohttp import web

from connector.sandbox.wire import Object, answer

CLOUDFLARE = """<!DOCTYPE html>
<html lang="en-US"><head><title>Attention Required! | Cloudflare</title></head>
<body><h1>Sorry, you have been blocked</h1><p>You are unable to access this site</p></body></html>
"""
GATEWAY = "<html><head><title>{status}</title></head><body><center><h1>{status}</h1></center></body></html>\n"


class Refused(Exception):
    """A request that gets `body` with `status` instead of an effect."""

    def __init__(self, status: int, body: Object) -> None:
        """Refuse with a ready body."""
        super().__init__(status, body)
        self.status = status
        self.body = body

    def answer(self) -> web.Response:
        """The refusal as an answer."""
        return answer(self.body, self.status)


def bad_request(error: str) -> Refused:
    """Refuse a v2 request whose meaning is wrong."""
    return Refused(400, {"success": False, "error": error, "code": "ERR_BAD_REQUEST"})


def invalid(error: str) -> Refused:
    """Refuse a v2 request whose form is wrong; `error` says which key and why."""
    body = {"success": False, "error": f"Validation failed: {error}", "code": "ERR_SCHEMA_VALIDATION_FAILED"}
    return Refused(400, body)


def not_found(what: str) -> Refused:
    """Refuse because the record is missing or invisible."""
    return Refused(404, {"success": False, "error": f"{what} not found", "code": "ERR_NOT_FOUND"})


def forbidden(error: str, code: str = "ERR_FORBIDDEN") -> Refused:
    """Refuse because of rights or of the plan."""
    return Refused(403, {"success": False, "error": error, "code": code})


def v1_error(status: int, error: str) -> Refused:
    """Refuse in the shape of v1."""
    return Refused(
        status,
        {
            "success": False,
            "error": error,
            "error_info": "Please check the documentation of the API.",
            "data": None,
            "additional_data": None,
        },
    )


def unauthorised(error: str = "unauthorized access") -> Refused:
    """Refuse because of the token."""
    return Refused(401, {"success": False, "error": error, "errorCode": 401})


def over_limit() -> Refused:
    """Refuse for either limit; the headers tell which."""
    body = {
        "success": False,
        "error": "Request over limit",
        "error_info": "You have exceeded the limit of requests",
        "errorCode": 429,
    }
    return Refused(429, body)


def html(status: int) -> web.Response:
    """Answer as the machines in front of the API do: with HTML."""
    text = CLOUDFLARE if status == 403 else GATEWAY.format(status=status)
    return web.Response(text=text, status=status, content_type="text/html", headers={"Server": "cloudflare"})
