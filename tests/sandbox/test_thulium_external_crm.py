"""A ringing phone asks an external CRM who calls."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.sandbox.thulium import AUTH, Centre, running

JSON = "application/json;charset=utf-8"


@dataclass
class Crm:
    """An external CRM that answers what a test says."""

    status: int = 200
    content_type: str = JSON
    body: bytes = b'{"surname": "Pr\xc3\xb3ba", "name": "Jan", "email": ["a@example.com", "b@example.com"]}'
    asked: list[str] = field(default_factory=list)
    known: list[bool] = field(default_factory=list)
    url: str = ""

    async def answer(self, request: web.Request) -> web.Response:
        self.asked.append(str(request.rel_url))
        self.known.append(request.headers.get("Authorization") == AUTH["Authorization"])
        return web.Response(status=self.status, body=self.body, headers={"Content-Type": self.content_type})


@pytest.fixture
async def crm() -> AsyncIterator[Crm]:
    crm = Crm()
    app = web.Application()
    app.router.add_get("/who", crm.answer)
    async with TestServer(app) as server:
        crm.url = str(server.make_url("/who"))
        yield crm


@pytest.fixture
async def centre(crm: Crm) -> AsyncIterator[Centre]:
    async with running() as centre:
        await centre.control("external_crm", url=crm.url, user="connector", password="demo-password")
        yield centre


async def test_an_inbound_call_shows_who_calls(centre: Centre, crm: Crm) -> None:
    made = await centre.happen("call", number="601000001")
    page = await centre.page(f"/demo/panel/calls/{made['id']}")
    assert "Jan Próba" in page
    assert "a@example.com, b@example.com" in page
    assert crm.asked == ["/who?phone_number=601000001"]
    assert crm.known == [True]


async def test_an_outbound_call_asks_for_the_number_that_is_dialled(centre: Centre, crm: Crm) -> None:
    await centre.happen("call", number="601000002", type="OUTBOUND")
    await centre.post("agents/anna.nowak/call", {"phone_number": "+48601000003"})
    answers = await centre.look("external_crm")
    assert [answer["number"] for answer in answers.values()] == ["601000002", "+48601000003"]
    assert crm.asked[1] == "/who?phone_number=%2B48601000003"


@pytest.mark.parametrize(
    ("status", "content_type", "body", "shown"),
    [
        (404, JSON, b"{}", "unknown"),
        (401, JSON, b"{}", "401"),
        (500, "text/html", b"<script>", "500"),
        (200, "application/json", b"{}", "the answer is not application/json;charset=utf-8"),
        (200, JSON, b"[]", "the answer is no JSON object"),
        (200, JSON, b"{", "the answer is no JSON object"),
        (200, JSON, b'{"surname": "<script>", "colour": 1}', "keys that nobody knows: colour"),
    ],
)
async def test_any_answer_is_shown_for_what_it_is(
    centre: Centre, crm: Crm, status: int, content_type: str, body: bytes, shown: str
) -> None:
    crm.status, crm.content_type, crm.body = status, content_type, body
    made = await centre.happen("call", number="601000001")
    page = await centre.page(f"/demo/panel/calls/{made['id']}")
    assert shown in page
    assert "<script>" not in page


async def test_a_crm_that_is_not_there_keeps_no_call_from_ringing(centre: Centre) -> None:
    await centre.control("external_crm", url="http://127.0.0.1:9/", user="", password="")
    made = await centre.happen("call", number="601000001")
    assert "no answer: ClientConnectorError" in await centre.page(f"/demo/panel/calls/{made['id']}")


async def test_without_an_address_nobody_is_asked(centre: Centre, crm: Crm) -> None:
    await centre.control("external_crm")
    made = await centre.happen("call", number="601000001")
    assert "Who calls" not in await centre.page(f"/demo/panel/calls/{made['id']}")
    assert crm.asked == []
    await centre.control("external_crm", status=400, url="nonsense")


async def test_whom_to_ask_can_be_entered_in_the_panel(centre: Centre, crm: Crm) -> None:
    for url, status in ((crm.url + "?of=panel", 200), ("ftp://example.com", 400)):
        form = {"url": url, "user": "connector", "password": "demo-password"}
        async with centre.client.post("/demo/panel/external-crm", data=form) as reply:
            assert reply.status == status
            assert crm.url in await reply.text()
    await centre.happen("call", number="601000001")
    await centre.look("external_crm")
    assert crm.asked == ["/who?of=panel&phone_number=601000001"]
