"""Forms as our pages send them."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from io import IOBase
from typing import BinaryIO

from aiohttp import BodyPartReader, web

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


#: What is uploaded may be so large; a field beside it so long.
LARGEST_UPLOAD = 20 * 1024 * 1024
_LONGEST_FIELD = 10_000
_MOST_PARTS = 20


async def upload_of(request: web.Request) -> Mapping[str, object]:
    """The fields of a form that may hold one file: that is an open one without a name (`close_files`).

    HTTPRequestEntityTooLarge where it is larger than `LARGEST_UPLOAD`, HTTPBadRequest for what browsers do not send.
    """
    if request.content_type != "multipart/form-data":
        return await form_of(request)
    found: dict[str, object] = {}
    try:
        reader = await request.multipart()
        while (part := await reader.next()) is not None:
            if not isinstance(part, BodyPartReader) or part.name is None or part.name in found:
                raise web.HTTPBadRequest
            is_second = part.filename is not None and any(isinstance(one, IOBase) for one in found.values())
            if is_second or len(found) >= _MOST_PARTS:
                raise web.HTTPBadRequest
            found[part.name] = await _field(part)
    except BaseException as error:
        close_files(found)
        if isinstance(error, ValueError):  # no multipart at all, or bytes that are no UTF-8
            raise web.HTTPBadRequest from error
        raise
    return found


async def _field(part: BodyPartReader) -> str | BinaryIO:
    if part.filename is not None:
        return await _received(part, LARGEST_UPLOAD)
    with await _received(part, _LONGEST_FIELD) as file:
        return file.read().decode()


def close_files(form: Mapping[str, object]) -> None:
    """Have what was uploaded gone."""
    for value in form.values():
        if isinstance(value, IOBase):
            value.close()


async def _received(part: BodyPartReader, most: int) -> BinaryIO:
    file = tempfile.TemporaryFile()  # noqa: SIM115 - whoever asked for it closes it
    while chunk := await part.read_chunk():
        size = file.tell() + len(chunk)
        if size > most:
            file.close()
            raise web.HTTPRequestEntityTooLarge(most, size)
        file.write(chunk)
    file.seek(0)
    return file
