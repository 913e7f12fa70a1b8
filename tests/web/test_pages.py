"""What all pages share: their appearance, chosen by the visitor."""

import re

import pytest

from connector.settings import Settings
from tests.web.conftest import Open, Site


def chosen(page: str) -> list[str]:
    return re.findall(r'value="(\w+)" checked', page)


async def choose(site: Site, look: str) -> int:
    return (await site.ask("POST", "/look", data={"look": look})).status


async def test_a_page_looks_as_the_system_does_until_somebody_chooses(open_site: Open) -> None:
    page = await (await open_site()).get("/")
    assert chosen(page.text) == ["auto"]
    assert "set-cookie" not in page.headers


@pytest.mark.parametrize("look", ["light", "dark"])
async def test_a_chosen_look_is_remembered_on_every_page(open_site: Open, look: str) -> None:
    site = await open_site()
    assert await choose(site, look) == 204
    for path in ("/", "/nowhere", "/oauth/callback?error=user_denied"):
        assert chosen((await site.get(path)).text) == [look]


async def test_a_choice_can_be_taken_back(open_site: Open) -> None:
    site = await open_site()
    await choose(site, "dark")
    assert await choose(site, "auto") == 204
    assert not [*site.browser.cookie_jar]
    assert chosen((await site.get("/")).text) == ["auto"]


async def test_a_look_that_does_not_exist_is_refused_and_one_in_a_cookie_ignored(open_site: Open) -> None:
    site = await open_site()
    assert await choose(site, "dark; Path=/oauth") == 400
    assert (await site.ask("POST", "/look")).status == 400
    assert chosen((await site.get("/", Cookie='look="><script>"')).text) == ["auto"]


async def test_the_cookie_of_the_look_is_kept_for_a_year_and_says_nothing_else(open_site: Open) -> None:
    site = await open_site(Settings(_env_file=None, public_url="https://connector.example.com"))
    cookie = (await site.ask("POST", "/look", data={"look": "dark"})).headers["set-cookie"]
    assert set(cookie.split("; ")) == {
        "look=dark", "HttpOnly", "Max-Age=31536000", "Path=/", "SameSite=Lax", "Secure",
    }  # fmt: skip


async def test_the_switch_speaks_the_visitors_language(open_site: Open) -> None:
    page = (await (await open_site()).get("/", "pl")).text
    assert re.findall(r"<legend[^>]*>(.*?)</legend>", page) == ["Wygląd"]
    for word in ("Automatyczny", "Jasny", "Ciemny", "Zapamiętaj"):
        assert word in page
