"""Signing in with Pipedrive, by an invitation and in a frame, on the simulated vendors; and how sessions are kept apart."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from html import unescape
from typing import Any
from urllib.parse import quote

import orjson
import pytest
from aiohttp import ClientSession, CookieJar, web
from aiohttp.test_utils import make_mocked_request
from structlog.testing import capture_logs
from yarl import URL

from connector.app import Service
from connector.errors import AccountClosed, ConnectorError, Forbidden, Misconfigured, Throttled, Unreachable
from connector.settings import Settings
from connector.store.access import Who
from connector.web.access import Guard
from connector.web.consent import Consent
from connector.web.middleware import allow_framing, middlewares
from connector.web.sign_in import (
    HANDOVER,
    INVITATION,
    PURPOSE,
    SIGN_OUT,
    SignIn,
    own_page,
    signed_out,
)
from tests.web.conftest import Answer, Installable, Site, free_port, install_routes
from tests.world import World
from tests.world import install as install_by_token

CENTRE = "https://demo.example.com"
PAGE = "/embed/{}/thulium:demo/customers/7"


@dataclass
class Entrance(Installable):
    """The service with a page that only sessions open, and one installation."""

    guard: Guard
    installation: str

    @property
    def page(self) -> str:
        return PAGE.format(self.installation)

    def who(self, user: str | None = None, agent: str | None = "thulium:demo/anna.nowak") -> Who:
        return Who(self.installation, user, agent, "Anna Nowak")

    async def begin(self, who: Who | None = None) -> str:
        """A session; gives the header that brings its cookie."""
        return f"session={await self.service.access.begin(who or self.who())}"

    async def seen(self, cookie: str = "", page: str = "", **headers: str) -> Answer:
        """The page, asked with this cookie alone, or with those that the browser has."""
        given = {"Cookie": cookie, **headers} if cookie else headers
        if not cookie:
            return await self.site.get(page or self.page, **headers)
        async with ClientSession() as stranger:
            site = Site(self.site.origin, stranger, self.site.settings, self.site.clock)
            return await site.get(page or self.page, **given)

    async def post(self, path: str, form: dict[str, str] | None = None, **headers: str) -> Answer:
        """Send a form as one of our own pages does."""
        headers = {"Sec-Fetch-Site": "same-origin", **headers}
        return await self.site.ask("POST", path, data=form or {}, headers=headers)

    async def accept(self, code: str, following: str = "") -> Answer:
        """Open an invitation and press its button."""
        asked = await self.post("/embed/invitation", {"code": code, "next": following})
        fields = dict(re.findall(r'name="(\w+)" value="([^"]*)"', asked.text))
        return await self.post("/embed/invitation", {name: unescape(value) for name, value in fields.items()})

    async def sign_in(self, following: str = "", *, who: int = 0) -> Answer:
        """Sign in with Pipedrive; gives what the callback answered."""
        query = {"next": following} if following else {}
        chosen = await self.site.get(str(URL("/embed/sign-in").with_query(query)))
        href = re.search(r'href="(/embed/sign-in/pipedrive[^"]*)"', chosen.text)
        assert href is not None
        started = await self.site.get(unescape(href[1]))
        assert started.status == 302
        return await self.site.get(await self.consent(dict(URL(started.headers["location"]).query), who=who))

    async def grants(self) -> Any:
        """What the installation keeps of each user's tokens."""
        users = [str(number) for number in await self.users()]
        return [await self.service.installations.grant(self.installation, user) for user in users]

    async def users(self) -> list[int]:
        async with self.world.http.get(f"{self.world.pipedrive}/_sandbox/companies") as companies:
            return [user["id"] for user in (await companies.json())[0]["users"]]


@pytest.fixture
async def entrance(world: World) -> AsyncIterator[Entrance]:
    port = free_port()
    origin = f"http://127.0.0.1:{port.getsockname()[1]}"
    async with world.connector(public_url=origin) as service:
        tenant = await install_by_token(service)
        guard, app = open_door(service, service.settings)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        await web.SockSite(runner, port).start()
        async with ClientSession(cookie_jar=CookieJar(unsafe=True)) as browser:
            site = Site(origin, browser, service.settings, service.clock)
            yield Entrance(site, service, world, guard, tenant.id)
        await runner.cleanup()


def open_door(service: Service, settings: Settings) -> tuple[Guard, web.Application]:
    guard = Guard(service.access, service.latest, settings, service.clock)
    sign_in = SignIn(guard, Consent(settings, service.clock), service.identify)
    app = web.Application(middlewares=middlewares(settings))
    app.add_routes(sign_in.routes())
    app.add_routes(
        install_routes(
            settings, service.clock, install_code=service.install_code, uninstall=service.uninstall,
            returns={PURPOSE: sign_in.arrive},
        )
    )  # fmt: skip

    async def show(request: web.Request) -> web.Response:
        allow_framing(request, CENTRE)
        installation = request.match_info["installation"]
        who = await guard.who(request, installation)
        if who is None:
            return signed_out(request, installation)
        if request.method == "POST":
            form = await request.post()
            return web.Response(text=str(guard.check_form(request, "open deal", form.get("form"))))
        tokens = {one: guard.form_token(request, one) for one in ("open deal", SIGN_OUT)}
        return web.json_response({"name": who.name, "user": who.user_id, **tokens})

    async def break_down(request: web.Request) -> web.Response:
        allow_framing(request, CENTRE)
        raise LookupError

    app.router.add_route("*", "/embed/{installation}/thulium:demo/customers/{customer}", show)
    app.router.add_get("/embed/broken", break_down)
    return guard, app


def kept(answer: Answer, name: str = "session") -> str:
    """The cookie that an answer sets, as a request brings it."""
    cookies = [value for value in answer.cookies if value.startswith(f"{name}=")]
    return cookies[-1].partition(";")[0]


# where somebody may be sent


@pytest.mark.parametrize(
    "path",
    [
        "/embed/1/thulium:demo/customers/7",
        "/embed/1/thulium:demo/tickets/a.b-c_d",
        "/embed/1/thulium:demo/customers/7?said=a_b-c",
        "/embed/handover?installation=1",
        "/embed/1/thulium:demo/customers/..7",
        "/console",
        "/console/1/events?state=parked",
        "/pair?client=terminal&redirect_uri=http%3A%2F%2F127.0.0.1%3A49152%2F&name=%C5%BB",
    ],
)
def test_a_page_of_ours_is_gone_on_to(path: str) -> None:
    assert own_page(path) == path


@pytest.mark.parametrize(
    "path",
    [
        None, "", "/", "/embed", "/embed/", "/install", "//evil.example.com", "//evil.example.com/embed/1",
        "https://evil.example.com/embed/1", "/embed//evil.example.com", "/embed/1//evil", "\\\\evil", "/\\evil",
        "/embed/\\evil", "/embed/..", "/embed/../install", "/embed/1/../../look", "/embed/./x", "/embed/1/..?x=1",
        "/embed/%2e%2e/install", "/embed/1%0d%0aSet-Cookie:x", "/embed/1\r\nX: y", "/embed/1\n", " /embed/1",
        "javascript:alert(1)", "/embed/1#//evil", "/embed/1?next=https://evil.example.com@", "/embed/ż", "embed/1",
        "/embed/" + "a" * 600, "/embed/1\x00", "/EMBED/1", "http:/embed/1", "/embed@evil.example.com/1",
        "/consoles", "/console/..", "//console/1", "/console/../embed/1", "/console@evil.example.com",
    ],
)  # fmt: skip
def test_nobody_is_sent_anywhere_else(path: str | None) -> None:
    assert own_page(path) == ""


@pytest.mark.parametrize("away", ["//evil.example.com", "https://evil.example.com/", "/\\evil", "/install"])
async def test_no_way_in_leads_out(entrance: Entrance, away: str) -> None:
    back = await entrance.sign_in(away)
    assert (back.status, back.headers["location"]) == (303, "/embed/signed-in")
    code = await entrance.service.access.make_code(
        entrance.who(), purpose=INVITATION, lasts=timedelta(hours=1)
    )
    asked = await entrance.post("/embed/invitation", {"code": code, "next": away})
    assert "evil" not in asked.text
    accepted = await entrance.accept(code, away)
    assert accepted.headers["location"] == "/embed/signed-in"
    mine = orjson.loads((await entrance.seen()).text)
    out = await entrance.post("/embed/sign-out", {"form": mine[SIGN_OUT], "next": away})
    assert out.headers["location"] == "/embed/signed-out"


# with Pipedrive


async def test_who_signs_in_to_pair_a_browser_comes_back_to_what_it_asked(entrance: Entrance) -> None:
    asked = URL("/pair").with_query(
        client="terminal", redirect_uri="http://127.0.0.1:49152/", state="~" * 200, name="Łódź 🙂 & %"
    )
    query = "&".join(f"{name}={quote(value, safe='')}" for name, value in asked.query.items())
    back = await entrance.sign_in(f"/pair?{query}")
    assert (back.status, back.headers["location"]) == (303, f"/pair?{query}")


async def test_who_signs_in_with_pipedrive_comes_back_to_the_page_he_came_from(entrance: Entrance) -> None:
    before = await entrance.seen()
    assert before.status == 401
    assert "Sign in to see deals here" in before.text
    link = re.search(r'href="(/embed/sign-in\?[^"]+)"', before.text)
    assert link is not None
    following = URL(unescape(link[1])).query["next"]
    assert following == entrance.page

    back = await entrance.sign_in(following, who=1)
    assert (back.status, back.headers["location"]) == (303, entrance.page)
    shown = orjson.loads((await entrance.seen()).text)
    assert shown["user"] == str((await entrance.users())[1])


async def test_the_cookie_is_out_of_reach_of_scripts_and_of_other_sites(entrance: Entrance) -> None:
    back = await entrance.sign_in()
    (cookie,) = [one for one in back.cookies if one.startswith("session=")]
    assert {part.strip() for part in cookie.split(";")[1:]} == {
        "HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=2592000",
    }  # fmt: skip
    assert len(kept(back).partition("=")[2]) == 43
    assert not [one for one in entrance.site.browser.cookie_jar if one.key == "sign-in"]
    assert back.headers["cache-control"] == "no-store"


async def test_over_https_the_cookie_is_secure_and_of_this_host_alone(entrance: Entrance) -> None:
    settings = entrance.site.settings.model_copy(update={"public_url": "https://connector.example.com"})
    guard, answer = open_door(entrance.service, settings)[0], web.Response()
    await guard.begin(make_mocked_request("GET", "/"), answer, entrance.who())
    (cookie,) = answer.cookies.values()
    assert (cookie.key, cookie["secure"], cookie["path"], cookie["domain"]) == (
        "__Host-session",
        True,
        "/",
        "",
    )

    async def known(name: str) -> bool:
        request = make_mocked_request("GET", "/", headers={"Cookie": f"{name}={cookie.value}"})
        return await guard.who(request, entrance.installation) is not None

    assert await known("__Host-session")
    assert not await known("session"), "another host of the same site can set that"
    guard.forget(answer)
    gone = answer.cookies["__Host-session"]
    assert (gone["max-age"], gone["secure"]) == ("0", True)


async def test_a_sign_in_keeps_no_token_and_takes_none_away(entrance: Entrance) -> None:
    before = await entrance.grants()
    await entrance.sign_in(who=1)
    assert await entrance.grants() == before
    calls = await entrance.world.calls("pipedrive")
    assert not [one for one in calls if "revoke" in one["path"]]
    assert (await entrance.service.installations.all())[0].state == "active"


async def test_who_owns_the_sync_may_sign_in_and_the_sync_still_renews_its_tokens(
    entrance: Entrance,
) -> None:
    await entrance.site.get(await entrance.allow())
    owner = (await entrance.service.installations.all())[0].owner_user_id
    assert (await entrance.sign_in()).status == 303
    await entrance.service.renew_grant(entrance.installation, owner)
    entrance.site.clock.move_to(timedelta(hours=2))
    await entrance.service.renew_grant(entrance.installation, owner)
    grant = await entrance.service.installations.grant(entrance.installation, owner)
    assert grant is not None
    assert grant.state == "active"


async def test_a_user_of_a_company_that_is_not_connected_is_told_so(entrance: Entrance) -> None:
    owner = (await entrance.service.installations.all())[0].owner_user_id
    await entrance.service.uninstall(entrance.installation, owner)
    answer = await entrance.sign_in(entrance.page)
    assert answer.status == 403
    assert "Your Pipedrive company is not connected" in answer.text
    assert 'href="/"' in answer.text
    assert not [one for one in answer.cookies if one.startswith("session=")]
    assert (await entrance.service.installations.all())[0].state == "ended"


async def test_a_refusal_at_pipedrive_leads_back_to_the_same_sign_in(entrance: Entrance) -> None:
    started = await entrance.site.get(f"/embed/sign-in/pipedrive?next={entrance.page}")
    answer = await entrance.site.get(
        await entrance.consent(dict(URL(started.headers["location"]).query), "deny")
    )
    assert answer.status == 400
    assert "You did not allow access" in answer.text
    again = re.search(r'class="button" href="([^"]+)"', answer.text)
    assert again is not None
    assert URL(unescape(again[1])).path == "/embed/sign-in"
    assert URL(unescape(again[1])).query["next"] == entrance.page


async def started(entrance: Entrance, path: str) -> dict[str, str]:
    """Begin at `path`; gives what Pipedrive is asked with."""
    answer = await entrance.site.get(path)
    return dict(URL(answer.headers["location"]).query)


async def test_a_state_of_an_install_signs_nobody_in_and_one_of_a_sign_in_installs_nothing(
    entrance: Entrance,
) -> None:
    installing, signing = (
        await started(entrance, "/install"),
        await started(entrance, "/embed/sign-in/pipedrive"),
    )
    jar = {one.key: one.value for one in entrance.site.browser.cookie_jar}
    assert jar.keys() == {"install", "sign-in"}

    async def come_back(query: dict[str, str], **cookies: str) -> Answer:
        back = await entrance.consent(query)
        async with ClientSession() as browser:
            site = Site(entrance.site.origin, browser, entrance.site.settings, entrance.site.clock)
            brought = "; ".join(f"{name}={value}" for name, value in cookies.items())
            return await site.get(back, Cookie=brought)

    installed = await entrance.grants()
    for query, cookies in (
        (installing, {"install": jar["sign-in"]}),
        (installing, {"sign-in": jar["install"]}),
        (signing, {"sign-in": jar["install"]}),
        (signing, {"install": jar["sign-in"]}),
        (signing, {}),
    ):
        answer = await come_back(query, **cookies)
        assert answer.status == 400
        assert "not started in this browser" in answer.text
        assert not [one for one in answer.cookies if one.startswith("session=")]
    assert await entrance.grants() == installed
    assert (await come_back(signing, **{"sign-in": jar["sign-in"]})).status == 303
    assert await entrance.grants() == installed


async def test_a_state_dies_after_ten_minutes_and_leads_back_to_the_sign_in(entrance: Entrance) -> None:
    query = await started(entrance, "/embed/sign-in/pipedrive")
    entrance.site.clock.move_to(timedelta(minutes=10))
    answer = await entrance.site.get(await entrance.consent(query))
    assert answer.status == 400
    assert "This sign-in was not started in this browser" in answer.text
    assert 'href="/embed/sign-in"' in answer.text


async def test_a_callback_that_is_loaded_again_says_that_he_is_signed_in(entrance: Entrance) -> None:
    query = await started(entrance, "/embed/sign-in/pipedrive")
    back = await entrance.consent(query)
    assert (await entrance.site.get(back)).status == 303
    assert "then you stay signed in" in (await entrance.site.get(back)).text


@pytest.mark.parametrize(
    ("error", "status", "sentence"),
    [
        (Unreachable(), 502, "Pipedrive did not answer"),
        (Throttled(), 503, "asks us to wait"),
        (AccountClosed(), 503, "account is not open"),
        (Forbidden(), 400, "did not accept the sign-in"),
        (Misconfigured(), 500, "not set up correctly"),
        (ConnectorError(), 500, "The sign-in could not be finished"),
    ],
)
async def test_each_failure_has_its_sentence(
    entrance: Entrance, error: ConnectorError, status: int, sentence: str
) -> None:
    async def fail(_code: str) -> Who | None:
        raise error

    sign_in = SignIn(entrance.guard, Consent(entrance.site.settings, entrance.site.clock), fail)
    app = web.Application(middlewares=middlewares(entrance.site.settings))
    app.add_routes(
        install_routes(
            entrance.site.settings, entrance.site.clock, install_code=entrance.service.install_code,
            uninstall=entrance.service.uninstall, returns={PURPOSE: sign_in.arrive},
        )
    )  # fmt: skip
    query = await started(entrance, "/embed/sign-in/pipedrive")
    runner, port = web.AppRunner(app, access_log=None, shutdown_timeout=0.1), free_port()
    await runner.setup()
    await web.SockSite(runner, port).start()
    back = URL(await entrance.consent(query)).with_port(port.getsockname()[1])
    answer = await entrance.site.get(str(back))
    await runner.cleanup()
    assert answer.status == status
    assert sentence in answer.text
    assert "Nothing was connected" not in answer.text


async def test_without_an_app_the_page_says_that_an_invitation_is_needed(entrance: Entrance) -> None:
    settings = entrance.site.settings.model_copy(update={"pipedrive_client_id": ""})
    _, app = open_door(entrance.service, settings)
    runner, port = web.AppRunner(app, access_log=None, shutdown_timeout=0.1), free_port()
    await runner.setup()
    await web.SockSite(runner, port).start()
    here = f"http://127.0.0.1:{port.getsockname()[1]}"
    page = await entrance.site.get(f"{here}/embed/sign-in?next=/embed/1/x")
    away = await entrance.site.get(f"{here}/embed/sign-in/pipedrive?next=/embed/1/x")
    await runner.cleanup()
    assert "Here you sign in by an invitation" in page.text
    assert "Sign in with Pipedrive" not in page.text
    assert 'href="/embed/invitation?next=' in page.text
    assert URL(away.headers["location"]).path == "/embed/sign-in"


# by an invitation


async def test_an_invitation_asks_for_one_press_and_signs_in_once(entrance: Entrance) -> None:
    code = await entrance.service.access.make_code(
        entrance.who(), purpose=INVITATION, lasts=timedelta(hours=1)
    )
    assert (await entrance.site.get("/embed/invitation")).status == 200
    for _ in range(2):
        asked = await entrance.post("/embed/invitation", {"code": code, "next": entrance.page})
        assert "Sign in as Anna Nowak" in asked.text
        assert [one.partition("=")[0] for one in asked.cookies] == ["invitation"]
    accepted = await entrance.accept(code, entrance.page)
    assert (accepted.status, accepted.headers["location"]) == (303, entrance.page)
    assert orjson.loads((await entrance.seen()).text)["name"] == "Anna Nowak"
    for form in ({"code": code}, {"code": code, "accept": "1"}, {"code": ""}, {"code": "x" * 9000}):
        again = await entrance.post("/embed/invitation", form)
        assert again.status == 403
        assert "This invitation does not work any more" in again.text
        assert again.cookies == []


async def test_the_whole_address_may_be_pasted(entrance: Entrance) -> None:
    code = await entrance.service.access.make_code(
        entrance.who(), purpose=INVITATION, lasts=timedelta(hours=1)
    )
    asked = await entrance.post(
        "/embed/invitation", {"code": f" https://x.example.com/embed/invitation#{code}\n"}
    )
    assert "Sign in as Anna Nowak" in asked.text


async def test_no_other_site_can_sign_a_browser_in(entrance: Entrance) -> None:
    code = await entrance.service.access.make_code(
        entrance.who(), purpose=INVITATION, lasts=timedelta(hours=1)
    )
    form = {"code": code, "accept": "1"}
    for site in ("cross-site", "same-site", "none"):
        assert (await entrance.post("/embed/invitation", form, **{"Sec-Fetch-Site": site})).status == 403
    assert (await entrance.accept(code)).status == 303


async def test_a_browser_that_says_nothing_of_where_a_form_stood_is_signed_in_by_nobody_else(
    entrance: Entrance,
) -> None:
    access, life = entrance.service.access, timedelta(hours=1)
    code, other = [await access.make_code(entrance.who(), purpose=INVITATION, lasts=life) for _ in range(2)]

    async def accepted(proof: str, cookie: str = "") -> Answer:
        async with ClientSession() as browser:
            site = Site(entrance.site.origin, browser, entrance.site.settings, entrance.site.clock)
            form = {"code": code, "accept": proof}
            headers = {"Cookie": cookie} if cookie else {}
            return await site.ask("POST", "/embed/invitation", data=form, headers=headers)

    async def shown(invitation: str) -> tuple[str, str]:
        asked = await entrance.post("/embed/invitation", {"code": invitation})
        proof = re.search(r'name="accept" value="([^"]+)"', asked.text)
        assert proof is not None
        return proof[1], kept(asked, "invitation")

    (proof, cookie), (others_proof, others_cookie) = await shown(code), await shown(other)
    for bad in (
        ("1",),
        (proof,),
        ("1", cookie),
        (others_proof, others_cookie),
        (proof, others_cookie),
        (proof, "invitation="),
    ):
        answer = await accepted(*bad)
        assert answer.status == 200, bad
        assert "Sign in as Anna Nowak" in answer.text
        assert not [one for one in answer.cookies if one.startswith("session=")]
    assert (await accepted(proof, cookie)).status == 303


async def test_the_cookie_of_an_invitation_is_short_lived_and_for_its_page_alone(entrance: Entrance) -> None:
    code = await entrance.service.access.make_code(
        entrance.who(), purpose=INVITATION, lasts=timedelta(hours=1)
    )
    (cookie,) = (await entrance.post("/embed/invitation", {"code": code})).cookies
    assert {part.strip() for part in cookie.split(";")[1:]} == {
        "HttpOnly", "SameSite=Lax", "Path=/embed/invitation", "Max-Age=600",
    }  # fmt: skip


async def test_a_name_in_an_invitation_is_escaped(entrance: Entrance) -> None:
    who = Who(entrance.installation, None, "thulium:demo/x", "<script>alert(1)</script>")
    code = await entrance.service.access.make_code(who, purpose=INVITATION, lasts=timedelta(hours=1))
    asked = await entrance.post("/embed/invitation", {"code": code, "next": '"><script>'})
    assert "<script>alert" not in asked.text
    assert "&lt;script&gt;alert" in asked.text


# whose session it is


async def test_a_session_of_another_installation_is_nobody_here(entrance: Entrance) -> None:
    cookie = await entrance.begin()
    assert (await entrance.seen(cookie)).status == 200
    assert (await entrance.seen(cookie, PAGE.format("999"))).status == 401
    assert (await entrance.seen("session=x")).status == 401
    assert (await entrance.seen(f"framed={cookie.partition('=')[2]}")).status == 200
    assert (await entrance.seen(f"session=stale; framed={cookie.partition('=')[2]}")).status == 200


async def test_a_form_is_followed_only_from_the_session_that_was_shown_it(entrance: Entrance) -> None:
    mine, others = (
        await entrance.begin(),
        await entrance.begin(entrance.who(agent="thulium:demo/jan.kowalski")),
    )
    shown, theirs = [orjson.loads((await entrance.seen(one)).text) for one in (mine, others)]

    async def sent(form: dict[str, str], cookie: str = mine, site: str = "same-origin") -> str:
        async with ClientSession() as browser:
            there = Site(entrance.site.origin, browser, entrance.site.settings, entrance.site.clock)
            headers = {"Cookie": cookie} | ({"Sec-Fetch-Site": site} if site else {})
            return (await there.ask("POST", entrance.page, data=form, headers=headers)).text

    right = {"form": shown["open deal"]}
    assert await sent(right) == "True"
    assert await sent(right, site="") == "True", "browsers that say nothing of where a form stood"
    for site in ("cross-site", "same-site", "none"):
        assert await sent(right, site=site) == "False"
    for form in (
        {}, {"form": ""}, {"form": "x"}, {"form": "żółć"}, {"form": theirs["open deal"]}, {"form": shown[SIGN_OUT]},
        {"form": right["form"][:-1]}, {"form": right["form"].upper()},
    ):  # fmt: skip
        assert await sent(form) == "False", form
    assert await sent(right, cookie=others) == "False"
    assert "Not signed in" in await sent(right, cookie="session=x")


async def test_signing_out_ends_all_sessions_of_the_agent_and_needs_his_own_form(entrance: Entrance) -> None:
    frame, other = (
        await entrance.begin(),
        await entrance.begin(entrance.who(agent="thulium:demo/jan.kowalski")),
    )
    await entrance.guard.access.make_code(entrance.who(), purpose=INVITATION, lasts=timedelta(hours=1))
    code = await entrance.service.access.make_code(
        entrance.who(), purpose=INVITATION, lasts=timedelta(hours=1)
    )
    await entrance.accept(code)
    mine, theirs = [orjson.loads((await entrance.seen(one)).text) for one in ("", other)]
    for form in ({}, {"form": mine["open deal"]}, {"form": theirs[SIGN_OUT]}):
        assert (await entrance.post("/embed/sign-out", form)).status == 403
    right = {"form": mine[SIGN_OUT], "next": entrance.page}
    assert (await entrance.post("/embed/sign-out", right, **{"Sec-Fetch-Site": "cross-site"})).status == 403
    assert (await entrance.site.get("/embed/sign-out")).status == 405
    assert (await entrance.seen()).status == 200

    out = await entrance.post("/embed/sign-out", right)
    assert (out.status, out.headers["location"]) == (303, entrance.page)
    assert [one.partition("=")[0] for one in out.cookies] == ["framed", "session"]
    assert all("Max-Age=0" in one for one in out.cookies)
    assert (await entrance.seen()).status == 401
    assert (await entrance.seen(frame)).status == 401
    assert (await entrance.seen(other)).status == 200


async def test_signing_in_again_ends_the_session_before(entrance: Entrance) -> None:
    first = kept(await entrance.sign_in())
    assert (await entrance.seen(first)).status == 200
    second = kept(await entrance.sign_in())
    assert (await entrance.seen(first)).status == 401
    assert (await entrance.seen(second)).status == 200


async def test_an_idle_session_is_over(entrance: Entrance) -> None:
    cookie = await entrance.begin()
    entrance.site.clock.move_to(timedelta(days=7))
    assert (await entrance.seen(cookie)).status == 401


async def users_asked(entrance: Entrance) -> int:
    calls = await entrance.world.calls("pipedrive")
    return sum(one["path"].endswith("/users") for one in calls)


async def leave(entrance: Entrance, user: str) -> None:
    async with entrance.world.http.post(
        f"{entrance.world.pipedrive}/_sandbox/user", json={"user": int(user), "active": False}
    ) as answer:
        assert answer.status == 200


async def test_a_user_who_has_left_pipedrive_is_nobody_within_a_day_and_users_are_read_once_in_it(
    entrance: Entrance,
) -> None:
    user = str((await entrance.users())[1])
    cookie, other = await entrance.begin(entrance.who(user, None)), await entrance.begin()
    before = await users_asked(entrance)
    for _ in range(3):
        assert (await entrance.seen(cookie)).status == 200
    assert await users_asked(entrance) == before + 1, "nobody else had them read"
    await leave(entrance, user)
    assert (await entrance.seen(cookie)).status == 200, "what is known is enough"
    entrance.site.clock.move_to(timedelta(hours=25))
    assert (await entrance.seen(cookie)).status == 401
    assert await users_asked(entrance) == before + 2
    entrance.site.clock.move_to(timedelta(hours=26))
    assert (await entrance.seen(cookie)).status == 401
    assert (await entrance.seen(other)).status == 200
    assert await users_asked(entrance) == before + 2, "the session is gone for good"


async def test_a_new_user_whom_nobody_has_read_yet_stays_and_has_nothing_read_for_him(
    entrance: Entrance,
) -> None:
    user = str((await entrance.users())[1])
    tenant = await entrance.service.tenant(entrance.installation)
    people = (await tenant.people()).people
    known = people.active_users
    object.__setattr__(people, "active_users", known - {user})
    cookie, read = await entrance.begin(entrance.who(user, None)), await users_asked(entrance)
    entrance.site.clock.move_to(timedelta(minutes=2))
    assert (await entrance.seen(cookie)).status == 200
    assert await users_asked(entrance) == read
    entrance.site.clock.move_to(timedelta(hours=25))
    assert (await entrance.seen(cookie)).status == 200
    assert tenant.directory.people.active_users == known


async def test_nobody_is_taken_for_gone_while_pipedrive_does_not_answer(entrance: Entrance) -> None:
    user = str((await entrance.users())[1])
    cookie = await entrance.begin(entrance.who(user, None))
    assert (await entrance.seen(cookie)).status == 200
    people = (await entrance.service.tenant(entrance.installation)).directory.people
    object.__setattr__(people, "active_users", people.active_users - {user})
    entrance.site.clock.move_to(timedelta(hours=25))
    await entrance.world.fault("pipedrive", "status_before", path="/users$", status=404, times=1000)
    before = await users_asked(entrance)
    for _ in range(5):
        assert (await entrance.seen(cookie)).status == 200
    assert await users_asked(entrance) == before + 1, "not for each page"
    await entrance.world.mend("pipedrive")
    entrance.site.clock.move_to(timedelta(hours=25, minutes=2))
    assert (await entrance.seen(cookie)).status == 200, "he is there"


async def test_an_agent_whom_the_contact_centre_no_longer_has_is_nobody(entrance: Entrance) -> None:
    tenant = await entrance.service.tenant(entrance.installation)
    people = (await tenant.people()).people
    (centre, login), *_ = sorted(key for key, agent in people.agents.items() if agent.active)
    known = await entrance.begin(entrance.who(agent=f"{centre}/{login}"))
    gone = await entrance.begin(entrance.who(agent=f"{centre}/nobody"))
    elsewhere = await entrance.begin(entrance.who(agent="thulium:unread/nobody"))
    assert (await entrance.seen(gone)).status == 200, "he may be newer than what was read"
    entrance.site.clock.move_to(timedelta(hours=25))
    assert (await entrance.seen(known)).status == 200
    assert (await entrance.seen(gone)).status == 401
    assert (await entrance.seen(elsewhere)).status == 200, "of a contact centre whose agents may not be seen"


async def test_an_agent_is_not_taken_for_gone_while_the_contact_centre_does_not_answer(
    entrance: Entrance,
) -> None:
    await (await entrance.service.tenant(entrance.installation)).people()
    new = await entrance.begin(entrance.who(agent="thulium:demo/newcomer"))
    entrance.site.clock.move_to(timedelta(hours=25))
    await entrance.world.fault("thulium", "status_before", status=500, times=1000)
    assert (await entrance.seen(new)).status == 200


async def test_an_installation_that_ends_meanwhile_lets_nobody_in(entrance: Entrance) -> None:
    access, life = entrance.service.access, timedelta(hours=1)
    codes = [
        await access.make_code(entrance.who(), purpose=one, lasts=life) for one in (INVITATION, HANDOVER)
    ]
    cookie = await entrance.begin()
    insert = access._insert

    async def ended(*_: object) -> None:
        raise Misconfigured("There is no active installation.")

    access._insert = ended  # type: ignore[method-assign,assignment]
    handover = await entrance.seen(cookie, f"/embed/handover?installation={entrance.installation}")
    assert (handover.status, "Not signed in" in handover.text) == (401, True)
    invited = await entrance.accept(codes[0])
    assert (invited.status, "does not work any more" in invited.text) == (403, True)
    assert (await handed(entrance, codes[1])).status == 403
    access._insert = insert  # type: ignore[method-assign]


# in a frame


async def handed(entrance: Entrance, code: object, **headers: str) -> Answer:
    headers = {"Sec-Fetch-Site": "same-origin", **headers}
    return await entrance.site.ask("POST", "/embed/session", json={"code": code}, headers=headers)


async def test_a_pop_up_hands_a_code_over_for_which_the_frame_is_given_its_own_cookie(
    entrance: Entrance,
) -> None:
    frame = await entrance.seen()
    address = re.search(r'data-handover="([^"]+)"', frame.text)
    assert address is not None
    pop_up = await entrance.site.get(unescape(address[1]))
    assert pop_up.status == 302
    assert URL(pop_up.headers["location"]).path == "/embed/sign-in"
    following = URL(pop_up.headers["location"]).query["next"]
    back = await entrance.sign_in(following)
    assert back.headers["location"] == following
    pop_up = await entrance.site.get(following)
    code = re.search(r'data-code="([\w-]{43})"', pop_up.text)
    assert code is not None

    taken = await handed(entrance, code[1])
    assert taken.status == 204
    (cookie,) = taken.cookies
    assert {part.strip() for part in cookie.split(";")[1:]} == {
        "HttpOnly", "Secure", "SameSite=None", "Partitioned", "Path=/embed", "Max-Age=2592000",
    }  # fmt: skip
    assert kept(taken, "framed").partition("=")[2] != kept(back).partition("=")[2]
    assert (await entrance.seen(kept(taken, "framed"))).status == 200
    asked = f"/embed/session?installation={entrance.installation}"
    assert (await entrance.seen(kept(taken, "framed"), asked)).status == 204
    assert (await entrance.seen("framed=x", asked)).status == 401
    assert (await handed(entrance, code[1])).status == 403, "it was used"


async def test_a_handover_lasts_a_minute_and_comes_from_our_own_page(entrance: Entrance) -> None:
    access, life = entrance.service.access, timedelta(seconds=60)
    code = await access.make_code(entrance.who(), purpose=HANDOVER, lasts=life)
    invitation = await access.make_code(entrance.who(), purpose=INVITATION, lasts=life)
    for bad in (invitation, "", None, 7, "x" * 5000, ["x"]):
        assert (await handed(entrance, bad)).status == 403
    assert (await handed(entrance, code, **{"Sec-Fetch-Site": "cross-site"})).status == 403
    form = await entrance.post("/embed/session", {"code": code})
    assert form.status == 403, "a form of another site could send that"
    for body in (b"", b"[]", b"{", b"\xff", b'"x"'):
        headers = {"Content-Type": "application/json", "Sec-Fetch-Site": "same-origin"}
        answer = await entrance.site.ask("POST", "/embed/session", data=body, headers=headers)
        assert answer.status == 403
    entrance.site.clock.move_to(life)
    assert (await handed(entrance, code)).status == 403


async def test_only_pages_of_the_contact_centre_frame_ours_and_all_else_stays_strict(
    entrance: Entrance,
) -> None:
    cookie = await entrance.begin()
    for path in (entrance.page, "/embed/broken"):
        for given in (cookie, "session=x"):
            policy = (await entrance.seen(given, path)).headers["content-security-policy"]
            assert policy.endswith(f"; frame-ancestors {CENTRE}")
            assert "default-src 'self'; object-src 'none'" in policy
    for path in ("/embed/sign-in", "/embed/invitation", "/embed/signed-in", "/embed/nothing/here", "/"):
        headers = (await entrance.seen(cookie, path)).headers
        assert headers["content-security-policy"].endswith("frame-ancestors 'none'")


async def test_a_pop_up_keeps_its_opener_all_the_way_and_no_other_page_does(entrance: Entrance) -> None:
    handover = f"/embed/handover?installation={entrance.installation}"
    cookie = await entrance.begin()
    answers = [
        await entrance.seen("session=x", handover),
        await entrance.seen("session=x", "/embed/sign-in"),
        await entrance.site.get("/embed/sign-in/pipedrive"),
        await entrance.sign_in(),
        await entrance.seen("session=x", "/embed/invitation"),
        await entrance.seen(cookie, handover),
    ]
    assert {one.headers["cross-origin-opener-policy"] for one in answers} == {"unsafe-none"}
    for path in (entrance.page, "/", "/install", "/embed/signed-out"):
        headers = (await entrance.seen(cookie, path)).headers
        assert headers["cross-origin-opener-policy"] == "same-origin"


# strangers and secrets


@pytest.mark.parametrize("way", ["pipedrive", "invitation", "session", "handover"])
async def test_strangers_are_slowed_down(entrance: Entrance, way: str) -> None:
    async def knock() -> int:
        if way == "pipedrive":
            return (await entrance.site.get("/embed/sign-in/pipedrive")).status
        if way == "invitation":
            return (await entrance.post("/embed/invitation", {"code": "guess"})).status
        if way == "session":
            return (await handed(entrance, "guess")).status
        return (await entrance.site.get("/embed/handover?installation=1")).status

    statuses = [await knock() for _ in range(61)]
    assert 429 not in statuses[:60]
    assert statuses[60] == 429
    cookie = await entrance.begin()
    assert (await entrance.seen(cookie)).status == 200, "who is known is no stranger"


async def test_an_office_comes_back_from_pipedrive_faster_than_installations_do(entrance: Entrance) -> None:
    query = await started(entrance, "/embed/sign-in/pipedrive")
    back = (await entrance.consent(query)).partition("&code=")[0].replace("code=", "was=")
    signing = [(await entrance.site.get(back)).status for _ in range(70)]
    assert 429 not in signing[:59]
    assert 429 in signing[59:], "one was counted on the way there"
    forged = [(await entrance.site.get("/oauth/callback?state=x.y")).status for _ in range(40)]
    assert 429 not in forged[:30]
    assert 429 in forged[30:]


async def test_link_checkers_use_nothing_up(entrance: Entrance) -> None:
    for path in ("/embed/sign-in/pipedrive", "/embed/handover?installation=1", "/embed/invitation"):
        assert (await entrance.site.ask("HEAD", path)).status == 405


async def test_nothing_secret_is_logged(entrance: Entrance) -> None:
    with capture_logs() as logs:
        back = await entrance.sign_in()
        token = kept(back).partition("=")[2]
        code = await entrance.service.access.make_code(
            entrance.who(), purpose=INVITATION, lasts=timedelta(hours=1)
        )
        await entrance.accept(code)
        handover = await entrance.site.get(f"/embed/handover?installation={entrance.installation}")
        handed_over = re.search(r'data-code="([\w-]+)"', handover.text)
        assert handed_over is not None
        framed = await handed(entrance, handed_over[1])
        await entrance.site.get("/oauth/callback?code=a-secret-code&state=x.y")
    said = str(logs)
    assert [line["event"] for line in logs if line["event"] == "signed in"] == ["signed in"] * 2
    for secret in (token, code, handed_over[1], kept(framed, "framed").partition("=")[2], "a-secret-code"):
        assert secret not in said
    assert "Anna" not in said
