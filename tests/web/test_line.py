"""The live line: who may open one, what is said on it, its bounds, and how it ends."""

from __future__ import annotations

import asyncio
import json
import re
import resource
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Origin, Subprotocol

from connector.app import Service
from connector.flows.tenant import Tenant
from connector.process import most_lines
from connector.realtime.hub import MOST_LINES_OF_AGENT, MOST_WAITING
from connector.realtime.protocol import (
    LONGEST_MESSAGE,
    Agent,
    Bye,
    CallChanged,
    Calls,
    Candidate,
    Dial,
    Dialled,
    Hello,
    Message,
    OpenDeal,
    Ping,
    Record,
    Refused,
    read,
    write,
)
from connector.web.line_socket import CLOSE_CODES
from tests.serving import served
from tests.web.lines import AGENT, BROWSER, DIAL, NUMBER, Open, a_call, http_lines, open_lines, seed_agents
from tests.world import World, install, switch_on


@pytest.fixture
async def tenant(world: World, service: Service) -> Tenant:
    await seed_agents(world)
    return await install(service)


@pytest.fixture
async def line(service: Service, tenant: Tenant) -> AsyncIterator[Open]:
    async with open_lines(service, tenant) as here:
        yield here


async def until_open(line: Open, number: int) -> None:
    """Wait until so many lines are open: a socket that was closed is noticed a moment later."""
    async with asyncio.timeout(5):
        while sum(line.service.hub.open_lines().values()) != number:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


# coming in


async def test_a_line_begins_with_who_the_agent_is_and_his_calls(line: Open, tenant: Tenant) -> None:
    line.exchange.calls = [a_call(id="c-2"), a_call()]
    _, token = await line.pair()
    async with line.client(token, greeted=False) as client:
        assert client.socket.subprotocol == "connector.v1"
        hello, calls = await client.hear(), await client.hear()
    host = f"{tenant.installed.domain}.pipedrive.com"
    assert hello == {
        "type": "hello", "version": 1, "agent": {"name": "Anna Nowak", "login": "anna", "centre": "thulium:demo"},
        "company": tenant.installed.name, "pipedrive": f"https://{host}", "pipedrive_hosts": [host],
        "server": line.service.hub.server, "now": hello["now"],
    }  # fmt: skip
    assert (calls["type"], [call["id"] for call in calls["calls"]]) == ("calls", ["c-2", "c-1"])


async def test_a_line_begins_with_the_servers_time_on_either_way(line: Open) -> None:
    line.service.clock.move_to(timedelta(minutes=5))
    _, token = await line.pair()
    async with line.client(token, greeted=False) as client:
        told = [await client.hear()]
    told += (await line.poll(token))[1][:1]
    for hello in told:
        assert hello["now"].endswith("Z")
        apart = line.service.clock.now() - datetime.fromisoformat(hello["now"])
        assert timedelta() <= apart < timedelta(minutes=1)


@pytest.mark.parametrize(
    "origin", [None, "https://acme.pipedrive.com", "chrome-extension://other", BROWSER + "/", BROWSER.upper(), "null"]
)  # fmt: skip
async def test_a_browsers_token_opens_nothing_from_another_origin(line: Open, origin: str | None) -> None:
    _, token = await line.pair()
    with pytest.raises(InvalidStatus) as refused:
        async with line.client(token, origin=origin):
            pass
    assert refused.value.response.status_code == 403
    for method, path in (("POST", "/poll"), ("POST", "/dial"), ("DELETE", "/token")):
        status, _, headers = await line.ask(method, path, token, {"after": ""}, origin=origin)
        assert (status, headers.get("Access-Control-Allow-Origin")) == (403, None)


async def test_a_terminal_has_no_origin_and_a_browser_cannot_use_its_token(line: Open) -> None:
    _, token = await line.pair(origin="")
    async with line.client(token, origin=None):
        pass
    with pytest.raises(InvalidStatus) as refused:
        async with line.client(token):
            pass
    assert refused.value.response.status_code == 403


@pytest.mark.parametrize("token", ["", "line_made-up", "x" * 500])
async def test_a_token_that_is_nobodys_opens_nothing(line: Open, token: str) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with line.client(token):
            pass
    assert refused.value.response.status_code == 401
    status, body, headers = await line.ask("POST", "/poll", token, {"after": ""})
    assert (status, headers["WWW-Authenticate"]) == (401, 'Bearer realm="connector"')
    assert "pair again" in body["error"]


async def test_who_guesses_tokens_has_to_wait(line: Open) -> None:
    answers = [(await line.ask("POST", "/poll", f"line_{n}", {"after": ""}))[0] for n in range(40)]
    assert (answers[0], answers[-1]) == (401, 429)
    _, token = await line.pair()
    async with line.client(token):
        pass


async def test_a_revoked_token_opens_nothing(line: Open, tenant: Tenant) -> None:
    device, token = await line.pair()
    await line.devices.revoke(tenant.id, device)
    with pytest.raises(InvalidStatus) as refused:
        async with line.client(token):
            pass
    assert refused.value.response.status_code == 401


async def test_an_agent_who_has_left_opens_nothing(line: Open) -> None:
    _, token = await line.pair("thulium:demo/nobody")
    with pytest.raises(InvalidStatus) as refused:
        async with line.client(token):
            pass
    assert refused.value.response.status_code == 401


@pytest.mark.parametrize("named", [["other.v1"], ["connector.v2"]])
async def test_another_protocol_is_refused_and_its_token_not_logged(line: Open, named: list[str]) -> None:
    _, token = await line.pair()
    with capture_logs() as logs, pytest.raises(InvalidStatus) as refused:
        async with connect(
            line.origin.replace("http", "ws") + "/line", origin=Origin(BROWSER),
            subprotocols=[Subprotocol(one) for one in (*named, f"bearer.{token}")],
        ):  # fmt: skip
            pass
    assert refused.value.response.status_code == 400
    assert token not in str(logs)


async def test_a_plain_request_is_no_line(line: Open) -> None:
    _, token = await line.pair()
    assert (await line.ask("GET", "", token))[0] == 400
    headers = {"Sec-WebSocket-Protocol": f"connector.v1, bearer.{token}", "Origin": BROWSER}
    async with line.http.get(line.origin + "/line", headers=headers) as answer:
        assert answer.status == 400
    await until_open(line, 0)


# orders


async def test_an_order_is_carried_out_with_the_record_of_its_page(line: Open, tenant: Tenant) -> None:
    _, token = await line.pair()
    async with line.client(token) as client:
        await client.say(DIAL | {"record": {"entity": "deal", "id": "12"}})
        answer = await client.hear()
    assert (answer["type"], answer["id"]) == ("dialled", "o-1")
    assert (answer["call"]["state"], answer["call"]["record"]) == ("dialling", {"entity": "deal", "id": "12"})
    assert line.exchange.orders == [
        (tenant.id, AGENT, Dial("o-1", NUMBER, Record("deal", "12"), "link")),
    ]
    assert line.counted == [(tenant.id, "dialled")]


async def test_a_refusal_says_why(line: Open, tenant: Tenant) -> None:
    line.exchange.refuses = "number_premium"
    _, token = await line.pair()
    async with line.client(token) as client:
        await client.say(DIAL)
        assert await client.hear() == {"type": "refused", "id": "o-1", "reason": "number_premium"}
    assert line.counted == [(tenant.id, "number_premium")]


async def test_an_order_that_breaks_is_answered_and_the_line_goes_on(line: Open) -> None:
    line.exchange.fails = ValueError(f"cannot dial {NUMBER}")
    _, token = await line.pair()
    async with line.client(token) as client:
        with capture_logs() as logs:
            await client.say(DIAL)
            assert await client.hear() == {"type": "refused", "id": "o-1", "reason": "unknown"}
        assert NUMBER not in str(logs)
        line.exchange.fails = None
        await client.say(DIAL)
        assert (await client.hear())["type"] == "dialled"


async def test_a_slow_contact_centre_holds_up_nothing_else_on_the_line(line: Open, tenant: Tenant) -> None:
    line.exchange.answers.clear()
    _, token = await line.pair()
    async with line.client(token) as client:
        await client.say(DIAL)
        await client.say({"type": "pong"})
        line.service.hub.tell(tenant.id, AGENT, CallChanged(a_call(state="ringing_you")))
        assert (await client.hear())["call"]["state"] == "ringing_you"
        line.exchange.answers.set()
        assert (await client.hear())["type"] == "dialled"


async def test_an_order_is_carried_out_though_the_line_breaks(line: Open) -> None:
    line.exchange.answers.clear()
    _, token = await line.pair()
    async with line.client(token) as client:
        await client.say(DIAL)
        await asyncio.sleep(0.05)
    await until_open(line, 0)
    line.exchange.answers.set()
    await line.lines.stop()
    assert len(line.exchange.calls) == 1


async def test_orders_of_one_line_are_not_heaped_up(line: Open) -> None:
    line.exchange.answers.clear()
    _, token = await line.pair()
    async with line.client(token) as client:
        for n in range(9):
            await client.say(DIAL | {"id": f"o-{n}"})
        assert await client.hear() == {"type": "refused", "id": "o-8", "reason": "too_often"}
        line.exchange.answers.set()
        assert {(await client.hear())["id"] for _ in range(8)} == {f"o-{n}" for n in range(8)}


async def test_whose_agent_is_somebody_elses_now_dials_no_more(line: Open, tenant: Tenant) -> None:
    _, token = await line.devices.pair(
        tenant.id, AGENT, user_id="999", name="Chrome", client="one", origin=BROWSER
    )
    assert (await line.ask("POST", "/dial", token, DIAL))[0] == 401
    assert not line.exchange.orders


async def test_whose_agent_becomes_somebody_elses_loses_the_line_at_the_next_order(
    line: Open, tenant: Tenant
) -> None:
    _, token = await line.devices.pair(
        tenant.id, AGENT, user_id=tenant.installed.owner_user_id, name="Chrome", client="one", origin=BROWSER
    )
    await switch_on(line.service, tenant.id, agent_users={"anna": tenant.installed.owner_user_id})
    async with line.client(token) as client:
        await switch_on(line.service, tenant.id, agent_users={"anna": "999"})
        await client.say(DIAL)
        assert {one["type"]: one["reason"] async for one in client.rest()} == {
            "refused": "no_right", "bye": "revoked",
        }  # fmt: skip
        assert client.socket.close_code == 4401
    assert not line.exchange.orders


async def test_an_order_by_request_is_carried_out_though_nobody_waits_for_it(line: Open) -> None:
    line.exchange.answers.clear()
    _, token = await line.pair()
    asking = asyncio.create_task(line.ask("POST", "/dial", token, DIAL))
    async with asyncio.timeout(5):
        while not line.exchange.orders:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    asking.cancel()
    stopping = asyncio.create_task(line.lines.stop())
    await asyncio.sleep(0.01)
    assert not stopping.done()
    line.exchange.answers.set()
    await stopping
    assert len(line.exchange.calls) == 1


# what is told


async def test_changes_are_told_on_every_line_of_the_agent_alone(line: Open, tenant: Tenant) -> None:
    tokens = [(await line.pair())[1], (await line.pair())[1], (await line.pair("thulium:demo/marek"))[1]]
    async with line.client(tokens[0]) as one, line.client(tokens[1]) as two, line.client(tokens[2]) as other:
        line.service.hub.tell(tenant.id, AGENT, CallChanged(a_call(state="in_call")))
        line.service.hub.tell(tenant.id, "thulium:demo/marek", CallChanged(a_call(id="c-9")))
        assert (await one.hear())["call"]["state"] == "in_call"
        assert (await two.hear())["call"]["state"] == "in_call"
        assert (await other.hear())["call"]["id"] == "c-9"


# bounds


@pytest.mark.parametrize(
    "said", ["junk", "{}", b"\x00\x01", '{"type":"dial"}', json.dumps(DIAL | {"number": 7}), '{"type":"ping"}']
)  # fmt: skip
async def test_what_is_no_message_ends_the_line(line: Open, said: str | bytes) -> None:
    _, token = await line.pair()
    async with line.client(token) as client:
        await client.say(said)
        assert await client.closed() == 1008
    await until_open(line, 0)
    assert not line.exchange.orders


async def test_a_message_that_is_too_long_ends_the_line(line: Open) -> None:
    _, token = await line.pair()
    async with line.client(token) as client:
        await client.say(json.dumps({"type": "pong", "more": "x" * LONGEST_MESSAGE}))
        assert await client.closed() == 1009
    await until_open(line, 0)


async def test_an_agent_has_eight_lines_and_the_ninth_is_told_so(line: Open) -> None:
    async with AsyncExitStack() as stack:
        for _ in range(MOST_LINES_OF_AGENT):
            await stack.enter_async_context(line.client((await line.pair())[1]))
        _, token = await line.pair()
        async with line.client(token, greeted=False) as ninth:
            assert await ninth.hear() == {"type": "bye", "reason": "too_many"}
            assert await ninth.closed() == 4429
        assert await line.poll(token) == (None, [{"type": "bye", "reason": "too_many"}])
        async with line.client((await line.pair("thulium:demo/marek"))[1]):
            pass
    await until_open(line, 0)
    async with line.client(token):
        pass


async def test_the_service_holds_no_more_lines_than_it_is_told_to(world: World) -> None:
    await seed_agents(world)
    async with world.connector(lines=2) as service, open_lines(service, await install(service)) as line:
        tokens = [(await line.pair())[1] for _ in range(3)]
        async with line.client(tokens[0]), line.client(tokens[1]):
            with pytest.raises(InvalidStatus) as refused:
                async with line.client(tokens[2]):
                    pass
            assert refused.value.response.status_code == 503
            assert refused.value.response.headers["Retry-After"] == "60"
            assert (await line.ask("POST", "/poll", tokens[2], {"after": ""}))[0] == 503
        await until_open(line, 0)


def test_lines_leave_files_for_others() -> None:
    was, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (300, most))
    try:
        assert (most_lines(10_000), most_lines(3)) == (44, 3)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (was, most))


async def test_a_client_that_does_not_read_loses_its_line(service: Service, tenant: Tenant) -> None:
    async with open_lines(service, tenant, unread=0.5) as line:
        _, token = await line.pair()
        long = a_call(link="https://acme.pipedrive.com/" + "x" * 200_000)
        async with line.client(token, max_queue=1) as client:
            client.socket.transport.pause_reading()
            (held,) = line.service.hub._lines[tenant.id, AGENT]
            for _ in range(MOST_WAITING * 4):
                line.service.hub.tell(tenant.id, AGENT, CallChanged(long))
                await asyncio.sleep(0)
            assert (held.fell_behind, len(held.waiting)) == (True, 0)
            await until_open(line, 0)
            client.socket.transport.abort()


async def test_a_client_that_is_silent_is_taken_for_gone(service: Service, tenant: Tenant) -> None:
    async with open_lines(service, tenant, ping=0.02, silence=0.1) as line:
        _, token = await line.pair()
        async with line.client(token) as client:
            assert await client.hear() == {"type": "ping"}
            assert await client.closed() == 1001
        await until_open(line, 0)


async def test_a_client_that_answers_is_kept(service: Service, tenant: Tenant) -> None:
    async with open_lines(service, tenant, ping=0.05, silence=0.4) as line:
        _, token = await line.pair()
        async with line.client(token) as client:
            for _ in range(12):
                assert await client.hear() == {"type": "ping"}
                await client.say({"type": "pong"})


@pytest.fixture
def many_files() -> Iterator[None]:
    """Room for both ends of a thousand sockets."""
    was, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(was, min(4096, most)), most))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (was, most))


async def test_a_thousand_sockets_are_told_each_its_own(
    many_files: None, line: Open, tenant: Tenant, world: World
) -> None:
    await seed_agents(world, *(f"a{n}" for n in range(200)))
    await tenant.meet({("thulium:demo", "a0")})
    tokens = [(n, (await line.pair(f"thulium:demo/a{n}"))[1]) for n in range(200)]
    async with AsyncExitStack() as stack:
        clients = [
            (n, await stack.enter_async_context(line.client(token))) for n, token in tokens for _ in range(5)
        ]
        assert line.service.hub.open_lines() == {tenant.id: 1000}
        for n in range(200):
            line.service.hub.tell(tenant.id, f"thulium:demo/a{n}", CallChanged(a_call(id=f"c-{n}")))
        for n, client in clients:
            assert (await client.hear())["call"]["id"] == f"c-{n}"
    await until_open(line, 0)


# ends


async def test_a_token_revoked_in_the_middle_ends_its_lines_and_no_others(line: Open, tenant: Tenant) -> None:
    device, token = await line.pair()
    _, other = await line.pair()
    async with line.client(token) as client, line.client(other) as kept:
        await line.devices.revoke(tenant.id, device)
        line.service.hub.end(device)
        assert await client.hear() == {"type": "bye", "reason": "revoked"}
        assert await client.closed() == 4401
        await kept.say(DIAL)
        assert (await kept.hear())["type"] == "dialled"


async def test_a_token_revoked_by_another_process_ends_its_lines_a_while_later(
    service: Service, tenant: Tenant
) -> None:
    async with open_lines(service, tenant, look=0.05) as line:
        device, token = await line.pair()
        async with line.client(token) as client:
            await line.devices.revoke(tenant.id, device)
            assert await client.hear() == {"type": "bye", "reason": "revoked"}
            assert await client.closed() == 4401


async def test_a_token_revoked_by_another_process_dials_nothing_on_the_line_that_is_open(
    line: Open, tenant: Tenant
) -> None:
    device, token = await line.pair()
    async with line.client(token) as client:
        await line.devices.revoke(tenant.id, device)
        await client.say(DIAL)
        assert {one["type"]: one["reason"] async for one in client.rest()} == {
            "refused": "no_right", "bye": "revoked",
        }  # fmt: skip
    assert not line.exchange.orders


async def test_who_signs_off_takes_his_token_back(line: Open, tenant: Tenant) -> None:
    device, token = await line.pair()
    async with line.client(token) as client:
        assert (await line.ask("DELETE", "/token", token))[0] == 204
        assert await client.closed() == 4401
    assert (await line.ask("DELETE", "/token", token))[0] == 401
    (noted,) = [one for one in await tenant.audit.entries() if one.action == "revoke device"]
    assert (noted.by, noted.detail) == (f"agent:{AGENT}", {"device": device, "agent": AGENT})


async def test_an_uninstall_ends_all_lines(line: Open, tenant: Tenant) -> None:
    _, token = await line.pair()
    async with line.client(token) as client:
        assert await line.service.uninstall(tenant.id, tenant.installed.owner_user_id)
        assert await client.closed() == 4401
    assert (await line.ask("POST", "/poll", token, {"after": ""}))[0] == 401


async def test_a_restart_is_said_and_the_next_hello_is_another_servers(world: World) -> None:
    await seed_agents(world)
    async with world.connector() as service:
        tenant = await install(service)
        async with open_lines(service, tenant) as line:
            _, token = await line.pair()
            async with line.client(token, greeted=False) as client:
                first = (await client.hear())["server"]
                await client.hear()
                stopping = asyncio.create_task(line.lines.stop())
                assert await client.hear() == {"type": "bye", "reason": "restart"}
                assert await client.closed() == 1012
                await stopping
            with pytest.raises(InvalidStatus) as refused:
                async with line.client(token):
                    pass
            assert refused.value.response.status_code == 503
    async with world.connector() as service, open_lines(service, await service.tenant(tenant.id)) as line:
        line.exchange.calls = [a_call(state="in_call")]
        async with line.client(token, greeted=False) as client:
            assert (await client.hear())["server"] not in ("", first)
            assert (await client.hear())["calls"][0]["state"] == "in_call"


# long polls


async def test_polls_bring_the_same_as_a_socket(line: Open, tenant: Tenant) -> None:
    _, token = await line.pair()
    async with line.client(token, greeted=False) as client:
        heard = [await client.hear(), await client.hear()]
        cursor, polled = await line.poll(token)
        assert polled == heard
        told = [a_call(state="dialling"), a_call(state="ringing_you"), a_call(state="in_call")]
        for call in told:
            line.service.hub.tell(tenant.id, AGENT, CallChanged(call))
        heard = [await client.hear() for _ in told]
        cursor, polled = await line.poll(token, cursor)
        assert polled == heard
        await client.say(DIAL)
        answer = await client.hear()
        status, body, headers = await line.ask("POST", "/dial", token, DIAL)
    assert (status, body) == (200, answer)
    assert headers["Access-Control-Allow-Origin"] == BROWSER
    assert headers["Cache-Control"] == "no-store"


async def test_a_poll_waits_for_news(line: Open, tenant: Tenant) -> None:
    _, token = await line.pair()
    cursor, _ = await line.poll(token)
    waiting = asyncio.create_task(line.poll(token, cursor))
    await asyncio.sleep(0.05)
    assert not waiting.done()
    line.service.hub.tell(tenant.id, AGENT, CallChanged(a_call()))
    _, (message,) = await waiting
    assert message["call"]["id"] == "c-1"


async def test_a_poll_without_news_ends_empty(service: Service, tenant: Tenant) -> None:
    async with open_lines(service, tenant, poll=0.02) as line:
        _, token = await line.pair()
        cursor, _ = await line.poll(token)
        assert await line.poll(token, cursor) == (cursor, [])


async def test_an_answer_that_got_lost_is_given_again(line: Open, tenant: Tenant) -> None:
    _, token = await line.pair()
    cursor, _ = await line.poll(token)
    line.service.hub.tell(tenant.id, AGENT, CallChanged(a_call()))
    first = await line.poll(token, cursor)
    line.service.hub.tell(tenant.id, AGENT, CallChanged(a_call(id="c-2")))
    _, again = await line.poll(token, cursor)
    assert [one["call"]["id"] for one in again] == ["c-1", "c-2"]
    _, rest = await line.poll(token, first[0])
    assert [one["call"]["id"] for one in rest] == ["c-2"]


@pytest.mark.parametrize(
    "cursor", ["0", "made-up.7", "1234.", ".", "…", "a.b.c", "1.99999999999999999999999"]
)
async def test_an_unknown_cursor_begins_anew(line: Open, cursor: str) -> None:
    _, token = await line.pair()
    _, messages = await line.poll(token, cursor)
    assert [one["type"] for one in messages] == ["hello", "calls"]


async def test_a_cursor_of_another_device_is_unknown(line: Open) -> None:
    _, mine = await line.pair()
    _, other = await line.pair()
    cursor, _ = await line.poll(mine)
    got, messages = await line.poll(other, cursor)
    assert got.partition(".")[0] != cursor.partition(".")[0]
    assert messages[0]["type"] == "hello"


async def test_a_line_that_nobody_polls_is_forgotten(service: Service, tenant: Tenant) -> None:
    async with open_lines(service, tenant, silence=0.05, poll=0.01) as line:
        _, token = await line.pair()
        cursor, _ = await line.poll(token)
        assert line.service.hub.open_lines() == {tenant.id: 1}
        await until_open(line, 0)
        _, messages = await line.poll(token, cursor)
        assert messages[0]["type"] == "hello"


async def test_who_polls_is_told_that_he_was_revoked(line: Open, tenant: Tenant) -> None:
    device, token = await line.pair()
    cursor, _ = await line.poll(token)
    waiting = asyncio.create_task(line.poll(token, cursor))
    await asyncio.sleep(0.05)
    await line.devices.revoke(tenant.id, device)
    line.service.hub.end(device)
    _, messages = await waiting
    assert messages == [{"type": "bye", "reason": "revoked"}]
    assert (await line.ask("POST", "/poll", token, {"after": cursor}))[0] == 401
    await until_open(line, 0)


async def test_who_polls_is_told_of_a_restart(line: Open) -> None:
    _, token = await line.pair()
    cursor, _ = await line.poll(token)
    await line.lines.stop()
    assert (await line.poll(token, cursor))[1] == [{"type": "bye", "reason": "restart"}]
    assert (await line.ask("POST", "/poll", token, {"after": cursor}))[0] == 503


@pytest.mark.parametrize("body", [b"", b"junk", b"[]", b"{}", b'{"after": 7}'])
async def test_a_poll_without_a_cursor_is_not_understood(line: Open, body: bytes) -> None:
    _, token = await line.pair()
    assert (await line.ask("POST", "/poll", token, body))[0] == 400


async def test_an_order_by_request_is_read_as_strictly(line: Open) -> None:
    _, token = await line.pair()
    assert (await line.ask("POST", "/dial", token, b"junk"))[0] == 400
    assert (await line.ask("POST", "/dial", token, {"type": "pong"}))[0] == 400
    assert (await line.ask("POST", "/dial", token, b" " * (LONGEST_MESSAGE + 1)))[0] == 413
    assert not line.exchange.orders


async def test_only_extensions_may_ask_whether_they_may_ask(line: Open) -> None:
    async def preflight(origin: str) -> tuple[int, str | None]:
        asked = {"Origin": origin, "Access-Control-Request-Method": "POST"}
        async with line.http.options(line.origin + "/line/poll", headers=asked) as answer:
            return answer.status, answer.headers.get("Access-Control-Allow-Origin")

    assert await preflight(BROWSER) == (204, BROWSER)
    assert await preflight("https://acme.pipedrive.com") == (403, None)


# the whole service


async def test_a_click_rings_the_phone_and_its_news_come_back(world: World) -> None:
    await seed_agents(world)
    async with AsyncExitStack() as service_of:
        here = await service_of.enter_async_context(served(world))
        tenant = await install(here.service)
        async with http_lines(here, tenant) as line:
            _, token = await line.pair()
            async with line.client(token) as client:
                await client.say(DIAL)
                while (answer := await client.hear())["type"] != "dialled":
                    assert answer["type"] == "call"
                assert answer["call"]["number"] == NUMBER
                (request,) = [one for one in await world.calls("thulium") if one["path"].endswith("/call")]
                assert "anna" in request["path"]
                _, (hello, calls, *_later) = await line.poll(token)
                assert (hello["type"], calls["calls"][0]["id"]) == ("hello", answer["call"]["id"])
                metrics = await line.text("/metrics")
                assert f'connector_lines{{installation="{tenant.id}"}} 2.0' in metrics
                assert f'connector_dials_total{{installation="{tenant.id}",outcome="dialled"}} 1.0' in metrics
                leaving = asyncio.create_task(service_of.aclose())
                last = [one async for one in client.rest()]
                assert last[-1] == {"type": "bye", "reason": "restart"}
                assert client.socket.close_code == 1012
                await leaving


# what is written down

PAGE = (Path(__file__).parents[2] / "docs" / "realtime.md").read_text(encoding="utf-8")


def shown(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


async def test_the_client_in_the_document_dials_and_hears(
    line: Open, tenant: Tenant, capsys: pytest.CaptureFixture[str]
) -> None:
    (program,) = shown("python")
    names: dict[str, Any] = {}
    exec(program.partition("asyncio.run(")[0], names)  # noqa: S102 - it is our own page
    device, token = await line.pair(origin="")
    client = asyncio.create_task(names["main"](line.origin, token, NUMBER))
    async with asyncio.timeout(5):
        while not line.exchange.calls:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        line.service.hub.tell(tenant.id, AGENT, CallChanged(a_call(state="in_call")))
        await asyncio.sleep(0.02)
        await line.devices.revoke(tenant.id, device)
        line.service.hub.end(device)
        await client
    assert capsys.readouterr().out == "in_call +48 601 000 001\n"


def test_the_messages_in_the_document_are_those_that_are_said() -> None:
    documented = {
        said["type"]: said
        for block in shown("json")
        for said in map(json.loads, re.split(r"\n(?=\{)", block.strip()))
        if "type" in said
    }
    call = a_call(
        candidates=(Candidate("person", "7", "Jan", "", OpenDeal("12", "Dach"), ""),),
        record=Record("deal", "12"),
    )
    agent = Agent("Anna Nowak", "anna", "thulium:demo")
    said: list[Message] = [
        Hello(agent, "7", "", (), "", call.began_at), Calls((call,)), CallChanged(call), Dialled("o-1", call),
        Refused("o-1", "too_often"), Ping(), Bye("restart"),
    ]  # fmt: skip
    written = {one.type: json.loads(write(one)) for one in said}
    assert {kind: one.keys() for kind, one in written.items()} == {
        kind: one.keys() for kind, one in documented.items() if kind not in ("dial", "pong")
    }
    (candidate,) = documented["call"]["call"]["candidates"]
    assert documented["call"]["call"].keys() == written["call"]["call"].keys()
    assert candidate.keys() == written["call"]["call"]["candidates"][0].keys()
    for kind in ("dial", "pong"):
        read(json.dumps(documented[kind] | {"id": "o-1"}))


def test_the_limits_in_the_document_are_those_that_hold() -> None:
    limits = dict(re.findall(r"^\| ([^|]+) \| ([^|]+) \|$", PAGE.partition("## Limits")[2], re.MULTILINE))
    assert limits["a message of the client"] == f"{LONGEST_MESSAGE // 1024} KB"
    assert limits["lines of an agent, polled ones among them"] == str(MOST_LINES_OF_AGENT)
    assert limits["messages that wait for one client"] == str(MOST_WAITING)
    codes = PAGE.partition("### How it ends")[2].partition("## A call")[0]
    assert {int(code) for code in re.findall(r"^\| (\d{4}) \|", codes, re.MULTILINE)} == {
        *CLOSE_CODES.values(), 1001, 1008, 1009,
    }  # fmt: skip
