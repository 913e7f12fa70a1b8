"""Keys of the HTTP API are made, shown once and revoked."""

from __future__ import annotations

import re

from tests.serving import Served, served
from tests.web.agents import an_admin
from tests.world import World

PAGE = "settings/keys"


async def _api(here: Served, key: str) -> int:
    url = f"{here.origin}/api/v1/customers/1/deals"
    async with here.world.http.get(url, headers={"Authorization": f"Bearer {key}"}) as answer:
        return answer.status


async def test_a_key_is_shown_once_works_and_works_no_more_when_it_is_revoked(world: World) -> None:
    async with served(world) as here:
        admin = await an_admin(here)
        page = admin.console(PAGE)
        shown = await admin.open(page)
        assert "There is no key yet." in shown.text
        made = await admin.press(page, shown.form(page) | {"name": "Reports <b>"})
        (key,) = re.findall(r"connector_[\w-]+", made.text)
        assert made.headers["Cache-Control"] == "no-store"
        assert "Reports &lt;b&gt;" in made.page
        assert await _api(here, key) != 401
        again = await admin.open(page)
        assert key not in again.page
        (key_id,) = re.findall(r"revoke=(\w+)", again.page)

        asked = await admin.open(f"{page}?revoke={key_id}")
        assert await _api(here, key) != 401, "looking revokes nothing"
        said = await admin.press(f"{page}/revoke", asked.form(f"{page}/revoke"))
        assert "The key is revoked: it opens nothing any more." in said.text
        assert await _api(here, key) == 401
        twice = await admin.press(f"{page}/revoke", asked.form(f"{page}/revoke"))
        assert "There is no such key in use any more." in twice.text
        tenant = await here.service.tenant(admin.tenant.id)
        assert [one.action for one in await tenant.audit.entries(limit=2)] == ["revoke key", "add key"]


async def test_a_key_without_a_name_is_not_made(world: World) -> None:
    async with served(world) as here:
        admin = await an_admin(here)
        page = admin.console(PAGE)
        fields = (await admin.open(page)).form(page)
        for name in ("", "  ", "x" * 101):
            refused = await admin.press(page, fields | {"name": name})
            assert (refused.status, "Say what the key is for" in refused.text) == (422, True)
        assert await here.service.access.keys(admin.tenant.id) == []
