"""Forms as our pages send them."""

from __future__ import annotations

from collections.abc import Mapping

from aiohttp import web

_UTF_8 = ("utf-8", "utf8")


async def form_of(request: web.Request) -> Mapping[str, object]:
    """The fields of a form, which whoever reads `request.post()` after this finds too; none where nothing was sent.

    HTTPBadRequest for anything but what browsers make of our forms: one URL-encoded, in UTF-8.
    """
    if not request.can_read_body:
        return {}
    charset = (request.charset or _UTF_8[0]).casefold()
    if request.content_type != "application/x-www-form-urlencoded" or charset not in _UTF_8:
        raise web.HTTPBadRequest
    try:
        return await request.post()
    except ValueError as error:  # bytes that are no UTF-8, or more fields than anybody sends
        raise web.HTTPBadRequest from error
