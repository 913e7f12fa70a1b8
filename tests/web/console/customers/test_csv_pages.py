"""CSV files converted in the console: what comes back, and what is refused."""

from __future__ import annotations

import io
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import FormData, web

from connector.web import forms
from connector.web.console.customers import csv_pages
from tests.serving import served
from tests.web.agents import Agent, an_admin, sign_in
from tests.world import World

EXPORT = "Person - Name,Person - Phone - Work,Person - Email - Work\nJan Próbny,601 000 001,jan@example.com\nbez numeru,,\n"


@pytest.fixture
async def admin(world: World) -> AsyncIterator[Agent]:
    async with served(world) as here:
        yield await an_admin(here)


async def upload(
    admin: Agent, content: bytes, way: str = "to-centre", **more: str
) -> tuple[int, dict[str, str], bytes]:
    path = admin.console("customers/csv")
    fields = (await admin.open(path)).form(path) | {"way": way} | more
    form = FormData()
    for name, value in fields.items():
        if name != "file":
            form.add_field(name, value)
    form.add_field("file", content, filename="export.csv", content_type="text/csv")
    headers = {"Cookie": admin.cookie, "Accept": "text/html"}
    async with admin.world.http.post(admin.here.origin + path, data=form, headers=headers) as answer:
        return answer.status, dict(answer.headers), await answer.read()


async def test_an_export_comes_back_as_the_other_sides_import_file_and_what_was_left_out(
    admin: Agent,
) -> None:
    status, headers, body = await upload(admin, EXPORT.encode())
    assert status == 200
    assert headers["Content-Type"] == "application/zip"
    assert "attachment" in headers["Content-Disposition"]
    assert "default-src 'self'" in headers["Content-Security-Policy"]
    with zipfile.ZipFile(io.BytesIO(body)) as packed:
        assert packed.namelist() == ["contact-centre-import.csv", "left-out.csv"]
        taken = packed.read("contact-centre-import.csv").decode("utf-8-sig").splitlines()
        left_out = packed.read("left-out.csv").decode("utf-8-sig")
    assert taken == ["surname,name,phone_number,email,company", "Próbny,Jan,601000001,jan@example.com,"]
    assert "bez numeru" in left_out
    noted = [(one.action, dict(one.detail)) for one in await admin.tenant.audit.entries()]
    assert ("csv", {"way": "to-centre", "rows": 2, "taken": 1}) in noted


async def test_the_contact_centres_export_becomes_pipedrives_import_file(admin: Agent) -> None:
    content = "surname;name;phone_number\nPróbny;Jan;601000001\n".encode("windows-1250")
    status, _, body = await upload(admin, content, "to-pipedrive")
    assert status == 200
    with zipfile.ZipFile(io.BytesIO(body)) as packed:
        assert "Jan Próbny;+48601000001" in packed.read("pipedrive-import.csv").decode("utf-8-sig")


async def test_what_is_no_table_is_sent_back_with_the_reason(admin: Agent) -> None:
    for content in (b"", b"PK\x03\x04 a workbook", b"\0" * 100, b"one,two\n1,2\n"):
        status, _, body = await upload(admin, content)
        assert status == 422, content
        assert "The file could not be converted." in body.decode()


async def test_no_file_is_taken_without_the_form_or_beyond_the_limit(
    admin: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, _, body = await upload(admin, EXPORT.encode(), form="0" * 64)
    assert "This page was open for too long." in body.decode()
    monkeypatch.setattr(forms, "LARGEST_UPLOAD", 1000)
    status, _, _ = await upload(admin, b"Name,Phone\n" + b"x" * 2000)
    assert status == 413


async def test_whoever_takes_long_to_fetch_a_file_keeps_nobody_waiting(
    admin: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    send, meanwhile = csv_pages._send, list[int]()

    async def send_slowly(request: web.Request, packed: Path) -> web.StreamResponse:
        if not meanwhile:
            meanwhile.append(0)
            meanwhile[0], _, _ = await upload(admin, EXPORT.encode())
        return await send(request, packed)

    monkeypatch.setattr(csv_pages, "_send", send_slowly)
    status, _, _ = await upload(admin, EXPORT.encode())
    assert (status, meanwhile) == (200, [200])


async def test_one_file_is_taken_at_a_time_and_of_administrators_alone(admin: Agent) -> None:
    path = admin.console("customers/csv")
    agent = await sign_in(admin.here, admin.tenant, None)
    for who, names, expected in ((admin, ("file", "other"), 400), (agent, ("file", "other"), 403)):
        form = FormData()
        for name in names:
            form.add_field(name, EXPORT.encode(), filename="export.csv")
        headers = {"Cookie": who.cookie, "Accept": "text/html"}
        async with admin.world.http.post(admin.here.origin + path, data=form, headers=headers) as answer:
            assert answer.status == expected
