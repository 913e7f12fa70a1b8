"""The pages of deals as whole: leaving them, and what strangers and odd forms cost."""

from __future__ import annotations

import html
import re

import pytest

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
