"""The pages of deals as whole: leaving them, and what strangers and odd forms cost."""

from __future__ import annotations

import asyncio
import html
import re
from datetime import timedelta

import pytest

from connector.store.installations import Installed
from tests.serving import Served
from tests.web.agents import Agent, Shown, an_agent


@pytest.fixture
async def agent(open_: Served) -> Agent:
    return await an_agent(open_)


def leaving(shown: Shown) -> tuple[str, dict[str, str]]:
    """Where the form that ends a session is sent to, and what it holds."""
    form = shown.page.partition("<footer")[2]
    action = re.search(r'<form method="post" action="([^"]+)"', form)
    assert action is not None
    fields = re.findall(r'<input[^>]* name="(\w+)" value="([^"]*)"', form.partition("</form>")[0])
    return action[1], {name: html.unescape(value) for name, value in fields}


@pytest.mark.parametrize("kind", ["customers", "tickets"])
async def test_the_button_of_a_page_signs_out_and_stays_at_the_page(agent: Agent, kind: str) -> None:
    page = agent.page(kind, 1)
    action, fields = leaving(await agent.open(page))
    out = await agent.press(action, fields, **{"Sec-Fetch-Site": "same-origin"})
    assert (out.status, out.path) == (401, page)
    assert (await agent.open(page)).status == 401


FORM = "application/x-www-form-urlencoded"
ODD = [
    (FORM, b"code=\xff\xfe"),
    (FORM + "; charset=nonsense", b"code=x"),
    (FORM + "; charset=utf-16", b"abc"),
    (FORM + "; charset=utf-7", b"code=+2AA-"),
    ("multipart/form-data", b"x"),
    ("multipart/form-data; boundary=x", b"--x\r\n\r\nzz"),
    ("multipart/form-data; boundary=x", b"junk"),
    (
        "multipart/form-data; boundary=x",
        b'--x\r\nContent-Disposition: form-data; name="code"\r\nContent-Transfer-Encoding: zzz\r\n\r\nzz\r\n--x--\r\n',
    ),
    ("text/plain", b"code=x"),
]


async def sent(agent: Agent, path: str, kind: str, body: bytes) -> int:
    headers = {"Cookie": agent.cookie, "Content-Type": kind}
    async with agent.world.http.post(agent.here.origin + path, data=body, headers=headers) as answer:
        return answer.status


@pytest.mark.parametrize(("kind", "body"), ODD)
async def test_what_no_page_of_ours_sends_is_no_form(agent: Agent, kind: str, body: bytes) -> None:
    for path in (
        "/embed/invitation", "/embed/sign-out", "/look", agent.page("customers", 1), agent.page("tickets", 1),
        agent.page("customers", 1) + "/new-deal",
    ):  # fmt: skip
        assert await sent(agent, path, kind, body) == 400, path
    assert await sent(agent, "/embed/session", kind, body) == 403, "it takes JSON"


async def test_fields_that_are_no_text_or_too_many_break_nothing(agent: Agent) -> None:
    for body in (b"code=%ED%A0%80&form=%FF&order=%00", b"&".join(b"a%d=1" % n for n in range(100_000))):
        for path in ("/embed/invitation", "/embed/sign-out", "/look", agent.page("customers", 1)):
            assert await sent(agent, path, FORM, body) < 500, path
    assert await sent(agent, "/embed/session", "application/json", b'{"code":"\\ud800"}') == 403


# what strangers cost


@pytest.fixture
def readings(agent: Agent) -> list[str]:
    """Each time that all installations are read is noted here."""
    service, noted = agent.here.service, list[str]()
    read = service.installations.all

    async def note() -> list[Installed]:
        noted.append("read")
        return await read()

    service.installations.all = note  # type: ignore[method-assign]
    return noted


async def test_no_stranger_has_the_installations_read(agent: Agent, readings: list[str]) -> None:
    stranger = Agent(agent.here, agent.tenant, "session=x")
    for path in (agent.page("customers", 1), "/embed/nobody/thulium:demo/customers/1"):
        for _ in range(10):
            assert (await stranger.open(path)).status == 401
    assert len(readings) <= 1, "an installation that nobody knows is looked for every five seconds"


async def test_a_page_and_the_api_take_an_installation_as_it_is_known(
    agent: Agent, readings: list[str]
) -> None:
    _, key = await agent.here.service.access.add_key(agent.tenant.id, "shop")
    for _ in range(5):
        assert (await agent.open(agent.page("customers", 1))).status == 200
        path = agent.here.origin + "/api/v1/customers/1/deals"
        async with agent.world.http.get(path, headers={"Authorization": f"Bearer {key}"}) as answer:
            assert answer.status == 200
    assert len(readings) < 3, "the jobs look now and then"


async def test_an_installation_that_another_process_has_made_is_found(agent: Agent) -> None:
    service = agent.here.service
    service._retire(agent.tenant.id)
    service.clock.move_to(timedelta(seconds=6))
    assert (await agent.open(agent.page("customers", 1))).status == 200
    _, key = await service.access.add_key(agent.tenant.id, "shop")
    service._retire(agent.tenant.id)
    path = agent.here.origin + "/api/v1/customers/1/deals"
    async with agent.world.http.get(path, headers={"Authorization": f"Bearer {key}"}) as answer:
        assert answer.status == 200


async def test_a_stranger_who_asks_without_end_is_slowed_down_and_can_still_sign_in(agent: Agent) -> None:
    stranger = Agent(agent.here, agent.tenant, "session=x")
    shown = await asyncio.gather(*(stranger.open("/embed/1/thulium:demo/customers/1") for _ in range(340)))
    statuses = [one.status for one in shown]
    assert set(statuses) == {401, 429}
    assert statuses.count(401) >= 300, "a whole office may share one address"
    assert (await agent.open(agent.page("customers", 1))).status == 200
    away = await stranger.open("/embed/sign-in")
    assert away.status == 200
