"""`connector agent`: pairing, the kept token, what is typed and what is shown."""

from __future__ import annotations

import asyncio
import html
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from aiohttp import web
from yarl import URL

from connector.__main__ import parser
from connector.agent_commands import Kept, agent, checked, pair, run
from connector.agent_line import REASONS, Terminal, described
from connector.app import Service
from connector.errors import Misconfigured, Rejected, Unauthorised
from connector.flows.tenant import Tenant
from connector.realtime.protocol import CallChanged, Candidate, OpenDeal
from tests.serving import Served, free_port
from tests.web.agents import Agent, sign_in
from tests.web.lines import AGENT, Open, a_call, open_lines, seed_agents
from tests.world import World, install, listening, switch_on

ROOT = Path(__file__).parents[1]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine where nothing is kept yet."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return tmp_path / "config" / "connector" / "agent.json"


@pytest.fixture
async def tenant(world: World, service: Service) -> Tenant:
    await seed_agents(world)
    return await install(service)


@pytest.fixture
async def line(service: Service, tenant: Tenant) -> AsyncIterator[Open]:
    async with open_lines(service, tenant) as here:
        yield here


@dataclass
class Screen:
    """A keyboard and what stands on the screen."""

    capsys: pytest.CaptureFixture[str]
    keys: asyncio.Queue[str | None] = field(default_factory=asyncio.Queue)
    text: str = ""

    async def typed(self) -> AsyncIterator[str]:
        while (one := await self.keys.get()) is not None:
            yield one

    def type(self, line: str) -> None:
        self.keys.put_nowait(line + "\n")

    async def shows(self, wanted: str) -> str:
        """Wait until it shows that; gives all that it shows."""
        async with asyncio.timeout(5):
            while wanted not in self.text:
                self.text += self.capsys.readouterr().out
                await asyncio.sleep(0.005)
        return self.text


@asynccontextmanager
async def terminal(
    origin: str, token: str, capsys: pytest.CaptureFixture[str]
) -> AsyncIterator[tuple[Screen, asyncio.Task[None]]]:
    screen = Screen(capsys)
    running = asyncio.create_task(Terminal(origin, token, waits=(0.01,)).run(screen.typed()))
    try:
        yield screen, running
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


# pairing


@pytest.fixture
async def anna(open_: Served) -> Agent:
    """A user of Pipedrive who is Anna in the agent table, signed in."""
    await seed_agents(open_.world)
    tenant = await install(open_.service)
    owner = tenant.installed.owner_user_id
    await switch_on(open_.service, tenant.id, agent_users={"anna": owner})
    return await sign_in(open_, await open_.service.tenant(tenant.id), owner)


async def answered(who: Agent, screen: Screen, answer: str) -> None:
    """Open the address on the screen in her browser, and press a button there."""
    address = URL(re.findall(r"^  (http\S+)$", await screen.shows("/pair?"), re.MULTILINE)[-1], encoded=True)
    assert str(address.origin()) == who.here.origin
    shown = await who.open(address.raw_path_qs)
    (action,) = re.findall(r'<form method="post" action="(/pair[^"]*)"', shown.page)
    back = await who.press(html.unescape(action), shown.fields | {"answer": answer})
    assert back.page == "You can close this page and go back to the terminal."


async def test_a_terminal_is_paired_once(
    anna: Agent, open_: Served, capsys: pytest.CaptureFixture[str]
) -> None:
    screen = Screen(capsys)
    running = asyncio.create_task(agent(open_.origin + "/", screen.typed()))
    await answered(anna, screen, "allow")
    await screen.shows("Connected, as Anna Nowak.")
    screen.type("q")
    assert await running == 0
    (device,) = await open_.service.devices.all(anna.tenant.id)
    assert (device.agent, device.client, device.origin) == (AGENT, "terminal", "")
    assert device.name.startswith("Terminal on ")
    token = Kept.read().token
    assert token not in screen.text
    again = Screen(capsys)
    running = asyncio.create_task(agent(None, again.typed()))
    await again.shows("Connected, as Anna Nowak.")
    again.type("q")
    assert (await running, Kept.read().token) == (0, token)
    assert "/pair" not in again.text


async def test_who_does_not_allow_it_keeps_nothing(
    anna: Agent, open_: Served, capsys: pytest.CaptureFixture[str]
) -> None:
    screen = Screen(capsys)
    running = asyncio.create_task(agent(open_.origin, screen.typed()))
    await answered(anna, screen, "refuse")
    with pytest.raises(Rejected, match="not allowed"):
        await running
    assert Kept.read() == Kept()


async def test_only_the_browser_that_was_sent_is_answered(
    open_: Served, capsys: pytest.CaptureFixture[str]
) -> None:
    screen = Screen(capsys)
    running = asyncio.create_task(pair(open_.origin))
    asked = URL(re.findall(r"http\S+", await screen.shows("/pair?"))[0])
    for query in ({"code": "made-up", "state": "other"}, {"code": "made-up"}):
        async with open_.world.http.get(URL(asked.query["redirect_uri"]).with_query(query)) as answer:
            assert answer.status == 400
    assert not running.done()
    async with open_.world.http.get(
        URL(asked.query["redirect_uri"]).with_query(code="made-up", state=asked.query["state"])
    ) as answer:
        assert answer.status == 200
    with pytest.raises(Rejected, match="gave no token"):
        await running


async def test_a_connector_that_is_not_there_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    origin = f"http://127.0.0.1:{free_port()}"
    Kept(origin, "line_one").write()
    with pytest.raises(Rejected, match=re.escape(origin)):
        await agent(None, Screen(capsys).typed(), sign_off=True)
    assert Kept.read().token == "line_one"


# the line


async def test_a_typed_number_is_dialled_and_its_states_are_shown(
    line: Open, tenant: Tenant, capsys: pytest.CaptureFixture[str]
) -> None:
    _, token = await line.pair(origin="")
    async with terminal(line.origin, token, capsys) as (screen, running):
        await screen.shows("Connected, as Anna Nowak.")
        screen.type("")
        screen.type(" +48 601 000 001 ")
        await screen.shows("Dialling: +48 601 000 001")
        ((installation, whose, order),) = line.exchange.orders
        assert (installation, whose, order.number) == (tenant.id, AGENT, "+48 601 000 001")
        assert (order.source, order.record) == ("terminal", None)
        for changes in (
            {"state": "ringing_you"}, {"state": "ringing_you"}, {"state": "in_call"},
            {"state": "ended", "reason": "answered", "duration_s": 65, "link": "https://acme.pipedrive.com/activities/9"},
        ):  # fmt: skip
            line.service.hub.tell(tenant.id, AGENT, CallChanged(a_call(**changes)))
        await screen.shows("Ringing your phone: +48 601 000 001\nIn call: +48 601 000 001\n")
        await screen.shows("+48 601 000 001: ended after 1:05. https://acme.pipedrive.com/activities/9\n")
        screen.type("q")
        async with asyncio.timeout(5):
            await running


async def test_a_refusal_is_said_in_words(line: Open, capsys: pytest.CaptureFixture[str]) -> None:
    line.exchange.refuses = "number_premium"
    _, token = await line.pair(origin="")
    async with terminal(line.origin, token, capsys) as (screen, _):
        await screen.shows("Connected")
        screen.type("700 000 001")
        await screen.shows("Not dialled. Premium numbers are not dialled here.")


async def test_who_rings_is_shown_with_all_who_may_be_meant(
    line: Open, tenant: Tenant, capsys: pytest.CaptureFixture[str]
) -> None:
    rings = {"direction": "in", "state": "ringing_you"}
    people = tuple(
        Candidate(
            "person", str(n), f"Jan {n}", "Próba", OpenDeal("3", "Dach") if n == 1 else None, f"https://p/{n}"
        )
        for n in range(3)
    )
    _, token = await line.pair(origin="")
    async with terminal(line.origin, token, capsys) as (screen, _):
        await screen.shows("Connected")
        line.service.hub.tell(tenant.id, AGENT, CallChanged(a_call(**rings)))
        await screen.shows("Incoming call: +48 601 000 001\n")
        line.service.hub.tell(tenant.id, AGENT, CallChanged(a_call(**rings, known=True, candidates=people)))
        text = await screen.shows("https://p/2")
    assert text.count("Incoming call") == 1
    assert "  Jan 0, Próba, https://p/0\n  Jan 1, Próba, deal: Dach, https://p/1\n" in text


async def test_what_somebody_is_called_does_not_steer_the_terminal(
    line: Open, tenant: Tenant, capsys: pytest.CaptureFixture[str]
) -> None:
    person = Candidate("person", "7", "\x1b[2JJan\r\n\x07Próba\x9b1m", "", None, "")
    call = a_call(direction="in", state="ringing_you", known=True, candidates=(person,))
    _, token = await line.pair(origin="")
    async with terminal(line.origin, token, capsys) as (screen, _):
        await screen.shows("Connected")
        line.service.hub.tell(tenant.id, AGENT, CallChanged(call))
        text = await screen.shows("Próba")
    assert not set(text) & set("\x1b\r\x07\x9b")


async def test_after_a_restart_it_is_connected_again_and_says_so(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    port = free_port()
    await seed_agents(world)
    async with world.connector() as service:
        tenant = await install(service)
        async with open_lines(service, tenant, port) as line:
            line.exchange.calls = [
                a_call(state="in_call"),
                a_call(id="c-0", state="ended", number_shown="old"),
            ]
            _, token = await line.pair(origin="")
            running = terminal(line.origin, token, capsys)
            screen, _ = await running.__aenter__()
            await screen.shows("In call: +48 601 000 001")
            # Named after the line was open; it was over before, and is no news.
            named = a_call(id="c-0", state="ended", number_shown="old", known=True)
            service.hub.tell(tenant.id, AGENT, CallChanged(named))
    await screen.shows("The connector is not there: it is being started anew. Trying again.")
    screen.type("601 000 002")
    await screen.shows("Not connected: this was not dialled.")
    async with (
        world.connector() as service,
        open_lines(service, await service.tenant(tenant.id), port) as line,
    ):
        line.exchange.calls = [a_call(state="ended", reason="answered", duration_s=5)]
        await screen.shows("Connected again; the connector was started anew, as Anna Nowak.")
        text = await screen.shows("+48 601 000 001: ended after 0:05.")
        await running.__aexit__(None, None, None)
    assert not line.exchange.orders
    assert "old" not in text
    assert text.count("The connector is not there") == 1


async def test_the_token_follows_no_redirect(capsys: pytest.CaptureFixture[str]) -> None:
    came: list[str] = []

    async def lead_away(request: web.Request) -> web.Response:
        came.append(request.path)
        raise web.HTTPFound(f"http://127.0.0.1:{request.url.port}/elsewhere")

    app = web.Application()
    app.router.add_get("/{path:.*}", lead_away)
    async with listening(app) as origin, terminal(origin, "line_one", capsys) as (screen, _):
        await screen.shows("it answers 302")
    assert set(came) == {"/line"}


async def test_a_line_that_breaks_is_opened_again(line: Open, capsys: pytest.CaptureFixture[str]) -> None:
    _, token = await line.pair(origin="")
    running = Terminal(line.origin, token, waits=(0.01,))
    screen = Screen(capsys)
    task = asyncio.create_task(running.run(screen.typed()))
    await screen.shows("Connected, as")
    assert running._socket is not None
    running._socket.transport.abort()
    await screen.shows("the line was closed. Trying again.\nConnected again, as Anna Nowak.")
    screen.keys.put_nowait(None)
    async with asyncio.timeout(5):
        await task


async def test_a_token_that_was_revoked_is_forgotten(
    line: Open, tenant: Tenant, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    device, token = await line.pair(origin="")
    Kept(line.origin, token).write()
    screen = Screen(capsys)
    running = asyncio.create_task(agent(None, screen.typed()))
    await screen.shows("Connected")
    await line.devices.revoke(tenant.id, device)
    line.service.hub.end(device)
    with pytest.raises(Unauthorised, match="pair it again"):
        await running
    assert Kept.read() == Kept(line.origin)
    Kept(line.origin, token).write()
    with pytest.raises(Unauthorised, match="pair it again"):
        await agent(None, screen.typed())
    assert Kept.read() == Kept(line.origin)


async def test_a_token_is_kept_when_a_proxy_asks_for_a_password(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async def ask_for_a_password(_: web.Request) -> web.Response:
        return web.Response(status=401, headers={"WWW-Authenticate": 'Basic realm="staff"'})

    app = web.Application()
    app.router.add_get("/line", ask_for_a_password)
    async with listening(app) as origin:
        kept = Kept(origin, "line_one")
        kept.write()
        screen = Screen(capsys)
        running = asyncio.create_task(agent(None, screen.typed()))
        await screen.shows("it answers 401. Trying again.")
        screen.keys.put_nowait(None)
        async with asyncio.timeout(5):
            assert await running == 0
    assert Kept.read() == kept


async def test_who_is_no_agent_any_more_is_told_to_pair_again(
    line: Open, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, token = await line.pair("thulium:demo/nobody", origin="")
    Kept(line.origin, token).write()
    with pytest.raises(Unauthorised, match="pair it again"):
        await agent(None, Screen(capsys).typed())


async def test_signing_off_takes_the_token_back(line: Open, capsys: pytest.CaptureFixture[str]) -> None:
    _, token = await line.pair(origin="")
    Kept(line.origin, token).write()
    assert await agent(None, Screen(capsys).typed(), sign_off=True) == 0
    assert Kept.read() == Kept(line.origin)
    assert await line.devices.by_token(token) is None
    assert await agent(None, Screen(capsys).typed(), sign_off=True) == 0


# words


def test_every_reason_of_the_line_has_words() -> None:
    page = (ROOT / "docs/realtime.md").read_text(encoding="utf-8").partition("## Reasons")[2]
    rows = [row.split("|")[1] for row in page.splitlines() if row.startswith("| `")]
    assert {word for row in rows for word in re.findall(r"`(\w+)`", row)} == REASONS.keys()


def test_an_end_without_an_answer_is_told_from_a_call() -> None:
    ended = a_call(state="ended", ended_at=datetime(2026, 3, 2, 9, 1, tzinfo=UTC))
    assert [*described(replace(ended, reason="no_answer"))] == ["+48 601 000 001: not answered."]
    assert [*described(replace(ended, reason="taken"))] == ["+48 601 000 001: a colleague took it."]
    assert [*described(replace(ended, reason="busy"))] == ["+48 601 000 001: busy."]
    failed = a_call(state="failed", reason="agent_offline")
    assert [*described(failed)] == [
        "+48 601 000 001: not connected. You are not logged in at the contact centre."
    ]


def test_of_those_who_share_a_number_the_ones_who_are_not_listed_are_counted() -> None:
    jan = Candidate("person", "7", "Jan", "", None, "")
    call = a_call(direction="in", state="ringing_you", known=True, candidates=(jan,), others=2)
    assert [*described(call)][1:] == ["  Jan", "  and 2 more"]


def test_a_number_that_nobody_has_leads_to_where_a_person_is_made() -> None:
    call = a_call(
        direction="in", state="ringing_you", known=True, new_person="https://acme.pipedrive.com/persons/list"
    )
    assert [*described(call)][
        1
    ] == "  Nobody in Pipedrive has this number. https://acme.pipedrive.com/persons/list"


# what is kept


def test_the_token_is_kept_for_its_user_alone(home: Path) -> None:
    Kept("https://connector.example.com", "line_one").write()
    Kept("https://connector.example.com", "line_two").write()
    assert (home.stat().st_mode & 0o777, home.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert Kept.read() == Kept("https://connector.example.com", "line_two")
    assert [path.name for path in home.parent.iterdir()] == ["agent.json"]


def test_a_token_that_others_can_read_is_not_used(home: Path) -> None:
    Kept("https://connector.example.com", "line_one").write()
    home.chmod(0o644)
    with pytest.raises(Misconfigured, match="chmod 600"):
        Kept.read()


@pytest.mark.parametrize("text", ["", "junk", "[]", '{"address": 7}'])
def test_a_file_that_is_broken_is_named(home: Path, text: str) -> None:
    home.parent.mkdir(parents=True)
    home.touch(0o600)
    home.write_text(text)
    with pytest.raises(Misconfigured, match=re.escape(str(home))):
        Kept.read()


@pytest.mark.parametrize(
    ("address", "meant"),
    [
        ("https://connector.example.com/", "https://connector.example.com"),
        (" https://example.com:8443/connector ", "https://example.com:8443/connector"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("http://localhost:8080", "http://localhost:8080"),
    ],
)
def test_an_address_is_taken_as_it_is_meant(address: str, meant: str) -> None:
    assert checked(address) == meant


@pytest.mark.parametrize(
    "address",
    [
        "", "connector.example.com", "http://connector.example.com", "ftp://127.0.0.1", "https://user@example.com",
        "https://example.com/?a=b", "https://example.com/#a", "https://", "http://127.0.0.1.example.com", "https://[",
        "http://127.0.0.1:port",
    ],
)  # fmt: skip
def test_a_token_is_not_sent_where_it_could_be_read(address: str) -> None:
    with pytest.raises(Misconfigured):
        checked(address)


async def test_the_address_is_needed_once(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(Misconfigured, match="--address"):
        await agent(None, Screen(capsys).typed())


def test_what_is_wrong_is_one_sentence_and_status_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(parser().parse_args(["agent"])) == 2
    assert "--address" in capsys.readouterr().err
