"""Each state in which an agent can meet our pages is fit for everyone: in both languages, light and dark, narrow and wide."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import pytest
from playwright.async_api import Browser, Page

from tests.browser.stage import Stage, signed_in
from tests.browser.states import of_customers, of_tickets

pytestmark = pytest.mark.asyncio(loop_scope="session")

#: What a browser itself notes of an answer that is no success.
NOTED = "the server responded with a status of"


@pytest.mark.parametrize("language", ["en", "pl"])
@pytest.mark.parametrize("walk", [of_tickets, of_customers])
async def test_every_state_is_fit_for_everyone(
    browser: Browser, there: Stage, walk: Callable[[Page, Stage, str], AsyncIterator[str]], language: str
) -> None:
    async with signed_in(browser, there, language) as look:
        async for state in walk(look.page, there, language):
            await look.judge(state)
        assert [one for one in look.found if NOTED not in one] == []
