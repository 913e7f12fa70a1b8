"""Who comes into the console, and whose forms are taken: every route is tried by everybody."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from urllib.parse import quote

from connector.serving import build_web
from connector.web.sign_in import HANDOVER
from tests.at_work import two
from tests.serving import Served, served
from tests.web.agents import Agent, an_admin, sign_in
from tests.world import World, install

ROOT = "/console/{installation}"
#: What everybody who is signed in may open.
FOR_EVERYBODY = f"{ROOT}/me"


def routes(here: Served) -> list[tuple[str, str]]:
    """Method and pattern of every page of the console."""
    return sorted(
        {
            (route.method, route.resource.canonical)
            for route in build_web(here.service, here.jobs).router.routes()
            if route.resource is not None and route.resource.canonical.startswith(ROOT)
            and route.method in ("GET", "POST")
        }
    )  # fmt: skip


def path_of(pattern: str, installation: str) -> str:
    return re.sub(r"\{[^}]*\}", "1", pattern.replace("{installation}", installation))


async def tried(
    agent: Agent, installation: str, everyone: list[tuple[str, str]]
) -> dict[tuple[str, str], int]:
    """The status of each route for whoever this is; redirects are not followed."""
    found = {}
    for method, pattern in everyone:
        async with agent.world.http.request(
            method, agent.here.origin + path_of(pattern, installation), headers={"Cookie": agent.cookie},
            allow_redirects=False,
        ) as answer:  # fmt: skip
            found[method, pattern] = answer.status
            answer.close()
    return found


async def test_only_administrators_of_the_company_come_in(world: World) -> None:
    async with served(world) as here:
        first, second = await two(here)
        everyone = routes(here)
        assert len(everyone) > 1
        owner = first.installed.owner_user_id
        stranger = Agent(here, first, "session=nothing")
        agent = await sign_in(here, first, None)
        other = await sign_in(here, second, second.installed.owner_user_id, is_admin=True)
        admin = await sign_in(here, first, owner, is_admin=True)

        for nobody in (stranger, other):
            assert set((await tried(nobody, first.id, everyone)).values()) == {401}
        for route, status in (await tried(agent, first.id, everyone)).items():
            if route[1].startswith(FOR_EVERYBODY):
                assert status in (200, 303), route
            else:
                assert status == 403, route
        for route, status in (await tried(admin, first.id, everyone)).items():
            # What names a record is of none here.
            assert status in ((200, 303, 404) if "{" in route[1].removeprefix(ROOT) else (200, 303)), route


async def test_no_form_is_taken_that_our_page_did_not_give(world: World) -> None:
    async with served(world) as here:
        admin = await an_admin(here)
        noted = await admin.tenant.audit.entries()
        for method, pattern in routes(here):
            if method == "POST":
                shown = await admin.press(path_of(pattern, admin.tenant.id), {"form": "0" * 64})
                assert "This page was open for too long." in shown.text, pattern
        assert (await here.service.tenant(admin.tenant.id)).installed.settings_version == (
            admin.tenant.installed.settings_version
        )
        assert await admin.tenant.audit.entries() == noted


async def test_everybody_is_led_to_the_page_that_is_theirs(world: World) -> None:
    async with served(world) as here:
        admin = await an_admin(here)
        agent = await sign_in(here, admin.tenant, None)
        assert (await admin.open("/console")).path == admin.console()
        assert (await agent.open("/console")).path == agent.console("me")
        assert (await Agent(here, admin.tenant, "").open("/console")).status == 401


async def test_whoever_is_no_administrator_any_more_is_kept_out(world: World) -> None:
    async with served(world) as here:
        admin = await an_admin(here)
        assert (await admin.open(admin.console())).status == 200
        tenant = await here.service.tenant(admin.tenant.id)
        directory = await tenant.people()
        directory.people = replace(directory.people, admin_users=frozenset())
        shown = await admin.open(admin.console())
        assert shown.status == 403
        assert "This page is for administrators" in shown.text


async def test_times_are_those_of_the_reader(world: World) -> None:
    async with served(world) as here:
        admin = await an_admin(here)
        there = (await admin.open(admin.console())).page
        assert "Times are those of Europe/Warsaw." in there
        admin.cookie += f"; zone={quote('America/New_York', safe='/')}"
        assert "Times are those of America/New_York." in (await admin.open(admin.console())).page
        admin.cookie = admin.cookie.replace("America/New_York", "../../etc/passwd")
        assert "Times are those of Europe/Warsaw." in (await admin.open(admin.console())).page


async def test_somebody_invited_as_an_administrator_is_one(world: World) -> None:
    async with served(world) as here:
        tenant = await install(here.service)
        invited = await sign_in(here, tenant, None, is_admin=True)
        assert (await invited.open(invited.console())).status == 200


async def test_what_a_frame_holds_opens_no_console(world: World) -> None:
    async with served(world) as here:
        admin = await an_admin(here)
        token = admin.cookie.partition("=")[2]
        assert (await replace(admin, cookie=f"framed={token}").open(admin.console())).status == 401

        access = here.service.access
        who = await access.session(token)
        assert who is not None
        code = await access.make_code(who, purpose=HANDOVER, lasts=timedelta(minutes=1))
        headers = {"Sec-Fetch-Site": "same-origin"}
        async with world.http.post(
            f"{here.origin}/embed/session", json={"code": code}, headers=headers
        ) as answer:
            framed = answer.cookies["framed"].value
        assert await access.session(framed) is not None
        assert (await replace(admin, cookie=f"session={framed}").open(admin.console())).status == 403


async def test_no_answer_of_the_console_is_kept_by_a_browser_or_proxy(world: World) -> None:
    async with served(world) as here:
        admin = await an_admin(here)
        for method, path in (("POST", "runs"), ("GET", "settings/history/export"), ("POST", "me/language")):
            async with world.http.request(
                method, here.origin + admin.console(path), headers={"Cookie": admin.cookie}, allow_redirects=False
            ) as answer:  # fmt: skip
                assert answer.headers["Cache-Control"] == "no-store", path
