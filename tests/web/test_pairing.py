"""Pairing a browser or a terminal with an agent: who may ask, what the agent sees, and what a code is worth to whom."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import html
import re
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import ClientResponse
from yarl import URL

from connector.flows.agents import may_dial
from connector.flows.tenant import Tenant
from connector.store.access import Who
from connector.store.devices import PREFIX, Paired
from connector.web.pairing_request import Refused, fits, origin_of, read_asked
from connector.web.sign_in import own_page
from tests.flows.looking import tell
from tests.serving import Served
from tests.web.agents import CONNECTION, Agent, sign_in
from tests.world import install, switch_on

CHROME = "mamhhpekdoamlgbkfbdfgljfflipojfn"
FIREFOX = "click-to-call@connector.example.com"
ALLOWED = (CHROME, FIREFOX)
OTHER_CHROME = "abcdefghijklmnopabcdefghijklmnop"
FIREFOX_NAME = "75e0861e53680def3f9f3ed6a757a4a624db54ba"
MOZ = "moz-extension://0a1b2c3d-1111-4222-8333-444455556666"
REDIRECTS = {
    CHROME: f"https://{CHROME}.chromiumapp.org/pair",
    FIREFOX: f"https://{FIREFOX_NAME}.extensions.allizom.org/pair",
    "terminal": "http://127.0.0.1:49152/done",
}
ORIGINS = {CHROME: f"chrome-extension://{CHROME}", FIREFOX: MOZ, "terminal": ""}
VERIFIER = "v" * 43
ANNA, STARY = "anna.nowak", "stary.agent"


def challenge_of(verifier: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")


def asked_by(client: str) -> dict[str, str]:
    return {
        "client": client, "redirect_uri": REDIRECTS.get(client, REDIRECTS[CHROME]), "state": "st/at+e=&x",
        "code_challenge": challenge_of(VERIFIER), "code_challenge_method": "S256", "name": "Chrome on Linux",
    }  # fmt: skip


@dataclass
class Client:
    """A device that asks; what it sends can be made wrong."""

    here: Served
    client: str = CHROME
    query: dict[str, str] = field(default_factory=dict)

    @property
    def asked(self) -> dict[str, str]:
        return asked_by(self.client) | self.query

    @property
    def path(self) -> str:
        return str(URL("/pair").with_query(self.asked))

    async def trade(self, code: str, *, origin: str | None = None, **changes: Any) -> tuple[int, Any, Any]:
        """Come for the token; gives the status, the answer and its headers."""
        body = {
            "grant_type": "authorization_code", "code": code, "code_verifier": VERIFIER, "client": self.client,
            "redirect_uri": REDIRECTS[self.client],
        } | changes  # fmt: skip
        given = ORIGINS[self.client] if origin is None else origin
        headers = {"Origin": given} if given else {}
        async with self.here.world.http.post(
            f"{self.here.origin}/pair/token", json=body, headers=headers
        ) as answer:
            return answer.status, await answer.json(), answer.headers


async def ask(
    agent: Agent, method: str, path: str, data: dict[str, str] | None = None, **headers: str
) -> ClientResponse:
    """What the agent's browser is answered, without going on."""
    given = {"Accept": "text/html", "Cookie": agent.cookie} | headers
    url = URL(agent.here.origin + path, encoded=True)
    answer = await agent.world.http.request(method, url, headers=given, data=data, allow_redirects=False)
    await answer.read()
    return answer


async def an_agent(here: Served, login: str = ANNA, *, is_admin: bool = True) -> Agent:
    """The user of the sync, whom the agent table names as an agent."""
    tenant = await install(here.service)
    owner = tenant.installed.owner_user_id
    await switch_on(here.service, tenant.id, agent_users={login: owner})
    return await sign_in(here, await here.service.tenant(tenant.id), owner, is_admin=is_admin)


async def press(who: Agent, client: Client, answer: str = "allow", **changes: str) -> URL:
    """Open the page and press a button; gives where that leads."""
    shown = await who.open(client.path)
    assert shown.status == 200, shown.text
    assert re.search(rf'<button[^>]*value="{answer}"', shown.page)
    pressed = await ask(who, "POST", _action(shown.page), shown.fields | {"answer": answer} | changes)
    assert pressed.status == 303, await pressed.text()
    return URL(pressed.headers["Location"], encoded=True)


def _action(text: str) -> str:
    main = text.partition("<main")[2]
    return html.unescape(re.findall(r'<form method="post" action="([^"]*)"', main)[-1])


async def code_for(agent: Agent, client: Client) -> str:
    return (await press(agent, client)).query["code"]


async def devices(agent: Agent) -> list[Paired]:
    return await agent.here.service.devices.all(agent.tenant.id)


# the way that goes well


@pytest.mark.parametrize("client", REDIRECTS)
async def test_an_agent_allows_and_the_device_has_a_token_of_its_own(open_: Served, client: str) -> None:
    agent, device = await an_agent(open_), Client(open_, client)
    led = await press(agent, device)
    assert str(led.with_query(None)) == REDIRECTS[client]
    assert led.query["state"] == device.asked["state"]
    assert led.query.keys() == {"code", "state"}
    status, answer, headers = await device.trade(led.query["code"])
    assert status == 200, answer
    assert answer["token"].startswith(PREFIX)
    assert answer == {
        "token": answer["token"], "agent": {"name": "Anna Nowak", "login": ANNA, "centre": CONNECTION},
        "company": agent.tenant.installed.name, "pipedrive": f"https://{agent.tenant.installed.domain}.pipedrive.com",
    }  # fmt: skip
    assert headers["Cache-Control"] == "no-store"
    assert headers.get("Access-Control-Allow-Origin", "") == ORIGINS[client]
    paired = await open_.service.devices.by_token(answer["token"])
    assert paired is not None
    assert (paired.agent, paired.user_id) == (f"{CONNECTION}/{ANNA}", agent.tenant.installed.owner_user_id)
    assert (paired.name, paired.client, paired.origin) == ("Chrome on Linux", client, ORIGINS[client])
    (noted,) = [one for one in await agent.tenant.audit.entries() if one.action == "pair device"]
    assert noted.by == f"user:{agent.tenant.installed.owner_user_id}"
    assert noted.detail == {"device": paired.id, "agent": paired.agent}


async def test_the_page_names_browser_agent_and_company_and_lets_its_form_lead_there_alone(
    open_: Served,
) -> None:
    agent = await an_agent(open_)
    shown = await agent.open(Client(open_, query={"name": "<b>Chrome</b>\u202e\x07 on Linux"}).path)
    assert "Let “<b>Chrome</b> on Linux” call for you?" in shown.text
    assert f"Anna Nowak ({ANNA}, {CONNECTION})" in shown.text
    assert agent.tenant.installed.name in shown.text
    policy = shown.headers["Content-Security-Policy"]
    assert f"form-action 'self' https://{CHROME}.chromiumapp.org;" in policy
    assert "frame-ancestors 'none'" in policy
    assert shown.headers["X-Frame-Options"] == "DENY"
    assert shown.headers["Cache-Control"] == "no-store"
    terminal = await agent.open(Client(open_, "terminal").path)
    assert "form-action 'self' http://127.0.0.1:49152;" in terminal.headers["Content-Security-Policy"]
    elsewhere = await agent.open(agent.console("me"))
    assert "form-action 'self';" in elsewhere.headers["Content-Security-Policy"]


async def test_an_agent_refuses_and_the_device_is_told(open_: Served) -> None:
    agent, device = await an_agent(open_), Client(open_)
    led = await press(agent, device, "refuse")
    assert str(led.with_query(None)) == REDIRECTS[CHROME]
    assert dict(led.query) == {"error": "access_denied", "state": device.asked["state"]}
    assert await devices(agent) == []


async def test_of_several_agents_he_chooses_which_one_he_is(open_: Served) -> None:
    tenant = await install(open_.service)
    owner = tenant.installed.owner_user_id
    await switch_on(open_.service, tenant.id, agent_users={ANNA: owner, "jan.kowalski": owner, STARY: owner})
    agent = await sign_in(open_, await open_.service.tenant(tenant.id), owner)
    shown = await agent.open(Client(open_).path)
    offered = re.findall(r'<option value="([^"]*)"', shown.page)
    assert f"{CONNECTION}/{ANNA}" in offered
    assert f"{CONNECTION}/{STARY}" not in offered, "who is inactive in the contact centre dials no more"
    chosen = offered[-1]
    led = await press(agent, Client(open_), agent=chosen)
    status, answer, _ = await Client(open_).trade(led.query["code"])
    assert (status, answer["agent"]["login"]) == (200, chosen.partition("/")[2])


async def test_who_was_invited_pairs_as_the_agent_he_was_invited_as(open_: Served) -> None:
    tenant = await install(open_.service)
    agent = await sign_in(open_, tenant, None)
    status, answer, _ = await Client(open_).trade(await code_for(agent, Client(open_)))
    assert (status, answer["agent"]["login"]) == (200, ANNA)
    (paired,) = await devices(agent)
    assert paired.user_id is None


# the agent who cannot


async def test_who_is_nobodys_signs_in_and_comes_back(open_: Served) -> None:
    agent = await an_agent(open_)
    device = Client(open_, query={"name": "Przeglądarka Łucji 🙂 na (Linuksie) " + "ż" * 80})
    stranger = replace(agent, cookie="")
    answer = await ask(stranger, "GET", device.path)
    assert answer.status == 303
    led = URL(answer.headers["Location"])
    assert led.path == "/embed/sign-in"
    back = led.query["next"]
    assert own_page(back) == back
    asked, again = read_asked(URL(back, encoded=True).query, ALLOWED), read_asked(device.asked, ALLOWED)
    assert asked == again
    assert not isinstance(asked, Refused)
    assert (await agent.open(back)).status == 200
    posted = await ask(stranger, "POST", device.path, {"answer": "allow", "form": "x"})
    assert (posted.status, URL(posted.headers["Location"]).path) == (303, "/embed/sign-in")


async def test_a_user_who_is_no_agent_is_told_what_to_do(open_: Served) -> None:
    tenant = await install(open_.service)
    agent = await sign_in(open_, tenant, tenant.installed.owner_user_id, is_admin=True)
    shown = await agent.open(Client(open_).path)
    assert "No agent of the contact centre belongs to you yet" in shown.text
    assert "Settings, Agents" in shown.text
    assert 'value="allow"' not in shown.page
    led = await press(agent, Client(open_), "refuse")
    assert led.query["error"] == "access_denied"
    forced = await ask(
        agent, "POST", Client(open_).path, shown.fields | {"answer": "allow", "agent": f"{CONNECTION}/{ANNA}"}
    )
    assert forced.status == 422
    assert "Location" not in forced.headers


async def test_an_agent_whom_only_somebody_else_is_cannot_be_chosen(open_: Served) -> None:
    agent = await an_agent(open_)
    fields = (await agent.open(Client(open_).path)).fields
    for other in (f"{CONNECTION}/jan.kowalski", f"thulium:other/{ANNA}", "", ANNA):
        answer = await ask(agent, "POST", Client(open_).path, fields | {"answer": "allow", "agent": other})
        assert answer.status == 422, other
        assert "Location" not in answer.headers


async def test_while_agents_cannot_be_read_the_page_says_so(open_: Served) -> None:
    agent = await an_agent(open_)
    await open_.world.fault(
        "pipedrive", "status_before", path="/v1/users", method="GET", times=None, status=503
    )
    shown = await agent.open(Client(open_).path)
    assert "Your agent could not be looked up" in shown.text
    assert 'value="allow"' not in shown.page
    await open_.world.mend("pipedrive")
    assert 'value="allow"' in (await agent.open(Client(open_).path)).page


# who may ask


@pytest.mark.parametrize(
    "changes",
    [
        {"client": OTHER_CHROME}, {"client": ""}, {"client": "evil@example.com"},
        {"client": OTHER_CHROME, "redirect_uri": f"https://{OTHER_CHROME}.chromiumapp.org/"},
        {"redirect_uri": f"https://{OTHER_CHROME}.chromiumapp.org/"},
        {"redirect_uri": "https://evil.example.com/"},
        {"redirect_uri": f"https://{CHROME}.chromiumapp.org.evil.example.com/"},
        {"redirect_uri": f"https://evil.example.com/{CHROME}.chromiumapp.org/"},
        {"redirect_uri": f"https://{CHROME}.chromiumapp.org@evil.example.com/"},
        {"redirect_uri": f"https://{CHROME}.chromiumapp.org:8443/"},
        {"redirect_uri": f"http://{CHROME}.chromiumapp.org/"},
        {"redirect_uri": f"https://{CHROME}.chromiumapp.org/?x=1"},
        {"redirect_uri": f"https://{CHROME}.chromiumapp.org/#x"},
        {"redirect_uri": f"https://{CHROME}.chromiumapp.org/\nX: y"},
        {"redirect_uri": f"https://{CHROME}.chromiumapp.org/\\evil"},
        {"redirect_uri": f"https://{CHROME}.chromiumapp.org/" + "a" * 300},
        {"redirect_uri": "javascript:alert(1)"}, {"redirect_uri": ""},
        {"redirect_uri": REDIRECTS["terminal"]}, {"redirect_uri": REDIRECTS[FIREFOX]},
        {"client": FIREFOX, "redirect_uri": REDIRECTS[CHROME]},
        {"client": FIREFOX, "redirect_uri": "http://127.0.0.1/mozoauth2/other"},
        {"client": "terminal", "redirect_uri": "http://127.0.0.1.example.com:8000/"},
        {"client": "terminal", "redirect_uri": "http://localhost:8000/"},
        {"client": "terminal", "redirect_uri": "https://127.0.0.1:8000/"},
        {"client": "terminal", "redirect_uri": "http://127.0.0.1:8000@evil.example.com/"},
        {"code_challenge_method": "plain"}, {"code_challenge_method": ""},
        {"code_challenge": ""}, {"code_challenge": "short"}, {"code_challenge": VERIFIER[:-1] + "="},
        {"state": ""}, {"state": "a b"}, {"state": "x" * 300}, {"state": "a\r\nb"},
    ],
)  # fmt: skip
def test_what_may_not_ask_leads_nowhere(changes: dict[str, str]) -> None:
    asked = asked_by(changes.get("client", CHROME)) | changes
    assert isinstance(read_asked(asked, ALLOWED), Refused)


async def test_a_request_that_is_wrong_gets_a_page_and_no_redirect_signed_in_or_not(open_: Served) -> None:
    agent = await an_agent(open_)
    wrong = Client(open_, query={"redirect_uri": "https://evil.example.com/"})
    strange = Client(open_, query={"client": OTHER_CHROME})
    for one in (agent, replace(agent, cookie="")):
        for path in (wrong.path, strange.path, "/pair"):
            for method in ("GET", "POST"):
                answer = await ask(one, method, path)
                assert answer.status == 400
                assert "Location" not in answer.headers
                assert "evil" not in await answer.text()
        shown = await one.open(strange.path)
        assert "This extension is not allowed here" in shown.text
        assert OTHER_CHROME in shown.text


@pytest.mark.parametrize(
    ("client", "redirect_uri"),
    [
        (CHROME, f"https://{CHROME}.chromiumapp.org/"), (FIREFOX, f"https://{FIREFOX_NAME}.extensions.allizom.org"),
        (FIREFOX, f"https://{FIREFOX_NAME}.extensions.allizom.org/"), (FIREFOX, f"http://127.0.0.1/mozoauth2/{FIREFOX_NAME}/pair"),
        ("terminal", "http://127.0.0.1:8765/"), ("terminal", "http://127.0.0.1:8765"),
    ],
)  # fmt: skip
def test_where_browsers_and_terminals_catch_an_answer_is_allowed(client: str, redirect_uri: str) -> None:
    asked = {
        "client": client, "redirect_uri": redirect_uri, "state": "s", "code_challenge": challenge_of(VERIFIER),
        "code_challenge_method": "S256",
    }  # fmt: skip
    found = read_asked(asked, ALLOWED)
    assert not isinstance(found, Refused)
    assert found.redirect_uri == redirect_uri
    assert found.answered(code="c").startswith(f"{redirect_uri}?code=c&state=s")


@pytest.mark.parametrize(
    "path",
    [
        "/pair", "/pair?", "/pair?next=x", "/pair?client=a&", "/pair?client=a&&name=b", "/pair?client=a#b",
        "/pair?client=a/b", "/pair?client=a b", "/pair?client=a\nb", "/pair?client=http://evil", "/pair/token?client=a",
        "//pair?client=a", "/pair?client=" + "a" * 900, "/pair?" + "&".join(["client=a"] * 7),
    ],
)  # fmt: skip
def test_nobody_is_sent_to_anything_like_the_pairing_page(path: str) -> None:
    assert own_page(path) == ""


# what a form is worth


async def test_a_form_of_another_session_or_request_allows_nothing(open_: Served) -> None:
    agent, device = await an_agent(open_), Client(open_)
    fields = (await agent.open(device.path)).fields | {"answer": "allow"}
    again = await sign_in(open_, agent.tenant, agent.tenant.installed.owner_user_id)
    other_request = Client(open_, query={"code_challenge": challenge_of("w" * 43)})
    for who, path, data, headers in (
        (agent, device.path, {**fields, "form": ""}, {}),
        (agent, device.path, {name: value for name, value in fields.items() if name != "form"}, {}),
        (again, device.path, fields, {}),
        (agent, other_request.path, fields, {}),
        (agent, device.path, fields, {"Sec-Fetch-Site": "cross-site"}),
    ):
        answer = await ask(who, "POST", path, data, **headers)
        assert answer.status == 403
        assert "Location" not in answer.headers
        assert "This page was open for too long." in await answer.text()


async def test_pressing_twice_makes_one_device(open_: Served) -> None:
    agent, device = await an_agent(open_), Client(open_)
    fields = (await agent.open(device.path)).fields | {"answer": "allow"}
    answers = await asyncio.gather(*(ask(agent, "POST", device.path, fields) for _ in range(2)))
    codes = [URL(answer.headers["Location"]).query["code"] for answer in answers]
    assert (await device.trade(codes[1]))[0] == 200
    assert len(await devices(agent)) == 1


async def test_nobody_presses_as_often_as_he_likes(open_: Served) -> None:
    agent, device = await an_agent(open_), Client(open_)
    fields = (await agent.open(device.path)).fields | {"answer": "allow"}
    statuses = [(await ask(agent, "POST", device.path, fields)).status for _ in range(12)]
    assert statuses[0] == 303
    assert statuses[-1] == 429


# what a code is worth


@pytest.mark.parametrize(
    "changes",
    [
        {"code_verifier": "w" * 43}, {"code_verifier": ""}, {"code_verifier": challenge_of(VERIFIER)},
        {"code_verifier": VERIFIER + "v"}, {"client": FIREFOX}, {"client": "terminal"}, {"client": ""},
        {"redirect_uri": REDIRECTS[FIREFOX]}, {"redirect_uri": REDIRECTS[CHROME] + "/"}, {"redirect_uri": ""},
        {"origin": f"chrome-extension://{OTHER_CHROME}"}, {"origin": MOZ}, {"origin": "https://evil.example.com"},
        {"origin": ""}, {"origin": "null"},
    ],
)  # fmt: skip
async def test_a_code_is_worth_nothing_to_anybody_else_and_then_to_nobody(
    open_: Served, changes: dict[str, str]
) -> None:
    agent, device = await an_agent(open_), Client(open_)
    code = await code_for(agent, device)
    status, answer, _ = await device.trade(code, **changes)
    assert (status, answer["error"]) == (400, "invalid_grant")
    assert (await device.trade(code))[0] == 400
    assert await devices(agent) == []


async def test_a_code_that_comes_twice_ends_what_it_gave_with_its_open_lines(open_: Served) -> None:
    agent, device = await an_agent(open_), Client(open_)
    code = await code_for(agent, device)
    _, answer, _ = await device.trade(code)
    paired = await open_.service.devices.by_token(answer["token"])
    assert paired is not None
    line = open_.service.hub.open(agent.tenant.id, paired.agent, paired.id)
    assert (await device.trade(code))[0] == 400
    assert await open_.service.devices.by_token(answer["token"]) is None
    assert line.farewell == "revoked"
    assert await devices(agent) == []


async def test_of_many_who_bring_a_code_at_once_none_has_a_token_that_works(open_: Served) -> None:
    agent, device = await an_agent(open_), Client(open_)
    code = await code_for(agent, device)
    answers = await asyncio.gather(*(device.trade(code) for _ in range(5)))
    assert sum(status == 200 for status, _, _ in answers) <= 1
    assert await devices(agent) == []


async def test_a_code_dies_after_a_minute(open_: Served) -> None:
    agent, device = await an_agent(open_), Client(open_)
    code = await code_for(agent, device)
    open_.service.clock.move_to(open_.service.clock.offset + timedelta(seconds=61))
    status, answer, _ = await device.trade(code)
    assert (status, answer["error"]) == (400, "invalid_grant")


async def test_a_code_dies_with_its_installation(open_: Served) -> None:
    agent, device = await an_agent(open_), Client(open_)
    code = await code_for(agent, device)
    await open_.service.uninstall(agent.tenant.id, agent.tenant.installed.owner_user_id)
    assert (await device.trade(code))[0] == 400


@pytest.mark.parametrize(
    ("sent", "error"),
    [
        ({"data": b"{"}, "invalid_request"), ({"data": b"[]"}, "invalid_request"), ({"data": b""}, "invalid_request"),
        ({"json": {"grant_type": "authorization_code", "code": 7}}, "invalid_request"),
        ({"json": {"grant_type": "authorization_code", "code": "x" * 5000}}, "invalid_request"),
        ({"data": b"grant_type=authorization_code&code=x"}, "invalid_request"),
        ({"json": {"grant_type": "password", "code": "x"}}, "unsupported_grant_type"),
        ({"json": {}}, "unsupported_grant_type"),
        ({"json": {"grant_type": "authorization_code"}}, "invalid_grant"),
        ({"json": {"grant_type": "authorization_code", "code": "\ud800"}}, "invalid_request"),
    ],
)  # fmt: skip
async def test_junk_is_refused_in_the_words_of_oauth(open_: Served, sent: dict[str, Any], error: str) -> None:
    kind = "application/x-www-form-urlencoded" if b"=" in sent.get("data", b"") else "application/json"
    given = {"headers": {"Content-Type": kind}, **sent} if "data" in sent else sent
    async with open_.world.http.post(f"{open_.origin}/pair/token", **given) as answer:
        assert answer.status == 400
        said = await answer.json()
        assert said["error"] == error
        assert said["error_description"]


async def test_strangers_who_guess_are_slowed_down_and_told_so(open_: Served) -> None:
    device = Client(open_)
    for _ in range(60):
        await device.trade("guess")
    status, answer, headers = await device.trade("guess")
    assert (status, answer["error"]) == (429, "slow_down")
    assert int(headers["Retry-After"]) > 0
    assert headers["Access-Control-Allow-Origin"] == ORIGINS[CHROME]


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        (ORIGINS[CHROME], True), (MOZ, True), (f"chrome-extension://{OTHER_CHROME}", False), ("null", False),
        ("https://evil.example.com", False), ("moz-extension://evil", False), ("", False),
    ],
)  # fmt: skip
async def test_only_our_extensions_may_read_the_answer_from_a_page(
    open_: Served, origin: str, allowed: bool
) -> None:
    headers = {"Origin": origin, "Access-Control-Request-Method": "POST"} if origin else {}
    async with open_.world.http.options(f"{open_.origin}/pair/token", headers=headers) as answer:
        assert (answer.status == 204) is allowed
        assert answer.headers.get("Access-Control-Allow-Origin", "") == (origin if allowed else "")
        assert ("Access-Control-Allow-Headers" in answer.headers) is allowed


def test_a_verifier_fits_its_own_challenge_alone() -> None:
    # https://www.rfc-editor.org/rfc/rfc7636#appendix-B
    verifier, challenge = (
        "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
        "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
    )
    assert fits(verifier, challenge)
    assert not fits(verifier + "x", challenge)
    assert not fits(challenge, challenge)


def test_a_token_is_bound_to_the_origin_of_its_kind_of_client() -> None:
    assert origin_of("terminal", "") == ""
    assert origin_of("terminal", MOZ) is None
    assert origin_of(CHROME, ORIGINS[CHROME]) == ORIGINS[CHROME]
    assert origin_of(CHROME, MOZ) is None
    assert origin_of(FIREFOX, MOZ) == MOZ
    assert origin_of(FIREFOX, ORIGINS[CHROME]) is None


# who may still dial


async def told(agent: Agent) -> Tenant:
    """The installation as it is set up now, with its people known."""
    tenant = await agent.here.service.tenant(agent.tenant.id)
    await tenant.people()
    return tenant


async def test_whom_the_agent_table_no_longer_names_dials_no_more(open_: Served) -> None:
    agent = await an_agent(open_)
    owner, dials = agent.tenant.installed.owner_user_id, f"{CONNECTION}/{ANNA}"
    assert await may_dial(await told(agent), owner, dials)
    assert not await may_dial(await told(agent), "77", dials), "a user who is not, or no longer, there"
    assert not await may_dial(await told(agent), owner, f"{CONNECTION}/jan.kowalski")
    assert not await may_dial(await told(agent), owner, f"thulium:gone/{ANNA}")
    assert await may_dial(await told(agent), None, dials)
    await switch_on(open_.service, agent.tenant.id, agent_users={})
    fresh = await open_.service.tenant(agent.tenant.id)
    assert not await may_dial(fresh, owner, dials), "also where users were not read since settings were saved"


async def test_an_agent_who_is_inactive_in_the_contact_centre_dials_no_more(open_: Served) -> None:
    agent = await an_agent(open_)
    owner, dials = agent.tenant.installed.owner_user_id, f"{CONNECTION}/{ANNA}"
    await tell(open_.world, "thulium", "agents", login=ANNA, active=False)
    tenant = await told(agent)
    assert not await may_dial(tenant, owner, dials)
    assert not await may_dial(tenant, None, dials)


async def test_while_users_cannot_be_read_nobody_is_kept_from_phoning_but_whom_the_table_names_otherwise(
    open_: Served,
) -> None:
    agent = await an_agent(open_)
    owner, dials = agent.tenant.installed.owner_user_id, f"{CONNECTION}/{ANNA}"
    await open_.world.fault(
        "pipedrive", "status_before", path="/v1/users", method="GET", times=None, status=503
    )
    await switch_on(open_.service, agent.tenant.id, agent_users={ANNA: "77"})
    assert not await may_dial(await open_.service.tenant(agent.tenant.id), owner, dials)
    await switch_on(open_.service, agent.tenant.id, agent_users={ANNA: owner})
    assert await may_dial(await open_.service.tenant(agent.tenant.id), owner, dials)


# the lists


async def pair(agent: Agent, name: str = "Chrome on Linux") -> Paired:
    device = Client(agent.here, query={"name": name})
    _, answer, _ = await device.trade(await code_for(agent, device))
    paired = await agent.here.service.devices.by_token(answer["token"])
    assert paired is not None
    return paired


async def test_an_agent_disconnects_a_browser_on_his_own_page_and_its_lines_end(open_: Served) -> None:
    agent = await an_agent(open_)
    paired = await pair(agent)
    line = open_.service.hub.open(agent.tenant.id, paired.agent, paired.id)
    shown = await agent.open(agent.console("me"))
    assert "Chrome on Linux" in shown.text
    fields = shown.form(agent.console("me/devices"))
    said = await agent.press(agent.console("me/devices"), fields)
    assert "“Chrome on Linux” is disconnected." in said.text
    assert line.farewell == "revoked"
    assert await devices(agent) == []
    again = await agent.press(agent.console("me/devices"), fields)
    assert "There is no such browser or terminal any more." in again.text
    actions = [one.action for one in await agent.tenant.audit.entries()]
    assert actions.count("revoke device") == 1


async def test_all_browsers_of_an_agent_are_disconnected_at_once_and_nobody_elses(open_: Served) -> None:
    agent = await an_agent(open_)
    lines = [
        open_.service.hub.open(agent.tenant.id, one.agent, one.id)
        for one in [await pair(agent), await pair(agent, "Firefox on Windows")]
    ]
    other, _ = await open_.service.devices.pair(
        agent.tenant.id, f"{CONNECTION}/jan.kowalski", user_id=None, name="Other", client=CHROME, origin=ORIGINS[CHROME]
    )  # fmt: skip
    shown = await agent.open(agent.console("me"))
    assert "Other" not in shown.text
    assert "Disconnect all of them" in shown.text
    form = shown.page.rpartition('name="device" value="all"')[0].rpartition("<form")[2]
    fields = dict(re.findall(r'name="(\w+)" value="([^"]*)"', form))
    foreign = await agent.press(agent.console("me/devices"), fields | {"device": other.id})
    assert "There is no such browser or terminal any more." in foreign.text
    said = await agent.press(agent.console("me/devices"), fields | {"device": "all"})
    assert "All are disconnected." in said.text
    assert [line.farewell for line in lines] == ["revoked"] * 2
    assert await devices(agent) == [other]


async def test_an_administrator_disconnects_the_browser_of_any_agent(open_: Served) -> None:
    admin = await an_agent(open_)
    anna = await sign_in(open_, admin.tenant, None)
    paired = await pair(anna)
    shown = await admin.open(admin.console("settings/agents"))
    assert "Anna Nowak" in shown.text
    assert "Chrome on Linux" in shown.text
    fields = shown.form(admin.console("settings/agents/devices"))
    refused = await anna.press(admin.console("settings/agents/devices"), fields)
    assert refused.status == 403
    assert await devices(admin) == [paired]
    said = await admin.press(admin.console("settings/agents/devices"), fields)
    assert "“Chrome on Linux” is disconnected." in said.text
    assert await devices(admin) == []


async def test_no_form_disconnects_that_is_not_this_sessions(open_: Served) -> None:
    agent = await an_agent(open_)
    paired = await pair(agent)
    for token in ("", "x"):
        said = await agent.press(agent.console("me/devices"), {"device": paired.id, "form": token})
        assert "This page was open for too long." in said.text
    assert await devices(agent) == [paired]


async def test_a_browser_of_another_company_is_nobodys_here(open_: Served) -> None:
    agent = await an_agent(open_)
    elsewhere = Who("77", None, f"{CONNECTION}/{ANNA}", "Anna Nowak")
    paired = await pair(agent)
    assert not await open_.service.devices.revoke(elsewhere.installation_id, paired.id)
    found = await open_.service.devices.of("77", user_id=None, agents=[f"{CONNECTION}/{ANNA}"])
    assert found == []
