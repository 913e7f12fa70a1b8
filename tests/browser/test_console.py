"""The console in a browser: every page of it, in both languages and every look, judged by axe and by Lighthouse."""

import json
import shutil
import sys
from asyncio import create_subprocess_exec
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from playwright.async_api import Browser

from connector.store.access import Who
from tests.browser.conftest import FLAGS
from tests.browser.stage import Look, Stage, looking

pytestmark = pytest.mark.asyncio(loop_scope="session")

NODE = Path(__file__).parents[1] / "node"
#: What the pages that people look at most score at least.
LEAST = 0.95
MAIN = ("", "/events", "/settings/fields")


async def a_token(there: Stage) -> tuple[str, str]:
    """A session of the administrator, and where his console is."""
    tenant = await there.tenant()
    who = Who(tenant.id, tenant.installed.owner_user_id, None, "Łucja Żak", is_admin=True)
    return await there.service.access.begin(who), f"{there.connector}/console/{tenant.id}"


@asynccontextmanager
async def administrating(
    browser: Browser, there: Stage, language: str = "en"
) -> AsyncIterator[tuple[Look, str]]:
    """A window of the administrator, and the address of the console."""
    token, home = await a_token(there)
    async with looking(browser, language) as look:
        await look.page.context.add_cookies([{"name": "session", "value": token, "url": there.connector}])
        yield look, home


@pytest.mark.parametrize("language", ["en", "pl"])
async def test_nothing_is_wrong_with_any_page_of_the_console(
    browser: Browser, there: Stage, language: str
) -> None:
    async with administrating(browser, there, language) as (look, home):
        shapes = await look.walk(home)
        assert look.found == []
        assert len(shapes) > 15, shapes


async def test_lighthouse_has_nothing_to_say_of_the_main_pages(there: Stage) -> None:
    token, home = await a_token(there)
    pages = [home + path for path in MAIN]
    asked = {
        "chromium": shutil.which("chromium"),
        "flags": FLAGS,
        "cookie": {"name": "session", "value": token},
        "pages": pages,
    }
    node = Path(sys.executable).with_name("node")
    running = await create_subprocess_exec(
        node, NODE / "lighthouse.mjs", stdin=PIPE, stdout=PIPE, stderr=PIPE
    )
    out, err = await running.communicate(json.dumps(asked).encode())
    assert running.returncode == 0, err.decode()[-2000:]
    for page, judged in json.loads(out).items():
        assert judged.get("trouble") is None, (page, judged)
        assert not judged["title"].startswith("Sign in"), page
        assert min(judged["scores"].values()) >= LEAST, (page, judged)
