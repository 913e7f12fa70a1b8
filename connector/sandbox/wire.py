"""JSON in and out of the simulators."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any, TypeAlias, cast

import orjson
from aiohttp import web

Object: TypeAlias = dict[str, Any]


def answer(data: object, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """Answer `data` as JSON."""
    return web.Response(
        body=orjson.dumps(data), status=status, headers=headers, content_type="application/json"
    )


async def read_object(request: web.Request) -> Object:
    """Read a body that must be one JSON object; ValueError when it is not."""
    return as_object(orjson.loads(await request.read()))


def as_object(value: object) -> Object:
    """Take `value` as a JSON object; ValueError when it is none."""
    if not isinstance(value, dict):
        raise ValueError("a JSON object is expected")  # noqa: TRY004 - one error for all that is no good JSON
    return cast("Object", value)


def write_basic(login: str, password: str) -> str:
    """Write an Authorization header of HTTP Basic (RFC 7617, UTF-8)."""
    return "Basic " + base64.b64encode(f"{login}:{password}".encode()).decode()


def read_basic(header: str) -> tuple[str, str]:
    """Read login and password; ValueError when the header is no HTTP Basic."""
    scheme, _, given = header.partition(" ")
    if scheme.lower() != "basic":
        raise ValueError("not HTTP Basic")
    try:
        login, colon, password = base64.b64decode(given.strip(), validate=True).decode().partition(":")
    except binascii.Error as error:
        raise ValueError("not base64") from error
    if not colon:
        raise ValueError("no password")
    return login, password
