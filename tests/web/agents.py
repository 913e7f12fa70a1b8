"""An agent who has signed in, as his browser sends what he presses."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from typing import Any

from yarl import URL

from connector.flows.tenant import Tenant
from connector.store.access import Who
from tests.serving import Served
from tests.world import SYSTEM, World, install

CONNECTION = f"thulium:{SYSTEM}"


@dataclass
class Shown:
    """A page as it came: `path` is where the browser ended, `text` what it shows without marks."""

    status: int
    path: str
    headers: dict[str, str]
    page: str

    @property
    def text(self) -> str:
        main = self.page.partition("<main")[2].partition("</main>")[0]
        return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", main)).split())

    @property
    def fields(self) -> dict[str, str]:
        """What stands in the form of the page, or in the last of them."""
        return _fields(self.page.partition("<main")[2].partition("</main>")[0].rpartition("<form")[2])

    def form(self, action: str) -> dict[str, str]:
        """What stands in the form that is sent to `action`."""
        (form,) = re.findall(
            rf'<form[^>]*action="{re.escape(html.escape(action))}"[^>]*>(.*?)</form>', self.page, re.DOTALL
        )
        return _fields(form)


def _fields(form: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for tag in re.findall(r"<input[^>]*>", form):
        given = dict(re.findall(r'(\w+)="([^"]*)"', tag))
        if "name" in given and (given.get("type") not in ("radio", "checkbox") or " checked" in tag):
            found[given["name"]] = html.unescape(
                given.get("value", "on" if given.get("type") == "checkbox" else "")
            )
    for name, options in re.findall(r'<select[^>]*name="(\w+)"[^>]*>(.*?)</select>', form, re.DOTALL):
        chosen = re.search(r'value="([^"]*)" selected', options) or re.search(r'value="([^"]*)"', options)
        assert chosen, f"nothing can be chosen in {name}"
        found[name] = html.unescape(chosen[1])
    for name, text in re.findall(r'<textarea[^>]*name="(\w+)"[^>]*>(.*?)</textarea>', form, re.DOTALL):
        found[name] = html.unescape(text)
    return found


@dataclass
class Agent:
    """His session, and the service he uses it at."""

    here: Served
    tenant: Tenant
    cookie: str

    @property
    def world(self) -> World:
        return self.here.world

    def console(self, page: str = "") -> str:
        return f"/console/{self.tenant.id}" + (f"/{page}" if page else "")

    def page(self, kind: str, record: object) -> str:
        return f"/embed/{self.tenant.id}/{CONNECTION}/{kind}/{record}"

    async def open(self, path: str, language: str = "en", **headers: str) -> Shown:
        return await self._ask("GET", path, language, headers)

    async def press(self, path: str, fields: dict[str, str], **headers: str) -> Shown:
        return await self._ask("POST", path, "en", headers, fields)

    async def forget(self) -> None:
        """Let nothing of Pipedrive be at hand any more, as after some seconds."""
        (await self.here.service.tenant(self.tenant.id)).deals_at_hand.lists.clear()

    async def _ask(
        self, method: str, path: str, language: str, headers: dict[str, str], data: dict[str, str] | None = None
    ) -> Shown:  # fmt: skip
        given = {"Accept": "text/html", "Accept-Language": language, "Cookie": self.cookie} | headers
        url = URL(self.here.origin + path, encoded=True)
        async with self.world.http.request(method, url, headers=given, data=data) as answer:
            return Shown(answer.status, answer.url.raw_path_qs, dict(answer.headers), await answer.text())


async def sign_in(
    here: Served, tenant: Tenant, user_id: str | None, name: str = "Anna Agent", *, is_admin: bool = False
) -> Agent:
    """Begin a session of a Pipedrive user, or of an agent who is none."""
    who = Who(tenant.id, user_id, None if user_id else f"{CONNECTION}/anna.nowak", name, is_admin=is_admin)
    return Agent(here, tenant, f"session={await here.service.access.begin(who)}")


async def an_admin(here: Served, **settings: Any) -> Agent:
    """The administrator of a fresh installation, signed in to its console."""
    tenant = await install(here.service, **settings)
    return await sign_in(here, tenant, tenant.installed.owner_user_id, "Adam Admin", is_admin=True)


async def an_agent(here: Served, **settings: Any) -> Agent:
    """The administrator of a fresh installation, signed in."""
    tenant = await install(here.service, **settings)
    return await sign_in(here, tenant, tenant.installed.owner_user_id)
