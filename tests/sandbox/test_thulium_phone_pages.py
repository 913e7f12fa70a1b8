"""The page where a person answers the phones of a simulated contact centre."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import pytest

from tests.sandbox.thulium import Centre, running


@pytest.fixture
async def centre() -> AsyncIterator[Centre]:
    async with running() as centre:
        yield centre


PAGE = "/demo/panel/phones"


async def press(centre: Centre, order: str, *, status: int = 200, **fields: str) -> str:
    async with centre.client.post(f"{PAGE}/{order}", data=fields) as reply:
        text = await reply.text()
        assert reply.status == status, text
        assert ("Not done." in text) == (status == 400)
        return text


def buttons(text: str) -> list[str]:
    return re.findall(r'name="act" value="(\w+)"', text)


async def test_somebody_calls_and_is_answered(centre: Centre) -> None:
    assert PAGE in await centre.page("/")
    page = await centre.page(PAGE)
    assert buttons(page) == []
    assert page.count("On the hook.") == 3
    page = await press(centre, "ring", agent="anna.nowak", number="+48 601 000 001")
    assert "+48601000001 calls." in page
    assert buttons(page) == ["answer", "reject", "they_hang_up"]
    page = await press(centre, "act", agent="anna.nowak", act="answer")
    assert buttons(page) == ["hang_up", "they_hang_up"]
    assert buttons(await press(centre, "act", agent="anna.nowak", act="hang_up")) == []
    assert (await centre.get("connections"))["result"][0]["src"] == "+48601000001"


async def test_a_dialled_call_waits_for_people_once_they_say_so(centre: Centre) -> None:
    assert "by themselves within 2.0 s" in await centre.page(PAGE)
    assert "wait for you here" in await press(centre, "who", phones="manual")
    await centre.post("agents/anna.nowak/call", {"phone_number": "601000001"})
    page = await centre.page(PAGE)
    assert "Rings, to call 601000001 next." in page
    assert buttons(page) == ["answer", "reject"]
    page = await press(centre, "act", agent="anna.nowak", act="answer")
    assert "601000001 rings." in page
    assert buttons(page) == ["hang_up", "they_answer", "they_reject", "no_answer"]
    page = await press(centre, "act", agent="anna.nowak", act="they_answer")
    assert "Talks with 601000001." in page
    await press(centre, "act", agent="anna.nowak", act="they_hang_up")
    assert "by themselves" in await press(centre, "who", phones="auto")


async def test_what_can_not_be_done_is_said_and_everything_is_escaped(centre: Centre) -> None:
    await press(centre, "act", status=400, agent="anna.nowak", act="answer")
    await press(centre, "act", status=400, agent="anna.nowak", act="whistle")
    await press(centre, "ring", status=400, agent="anna.nowak", number=" ")
    await press(centre, "ring", status=400, agent="nobody", number="1")
    await press(centre, "who", status=400, phones="<b>")
    assert "<b>" not in await press(centre, "ring", agent="anna.nowak", number="<b>1</b>")
