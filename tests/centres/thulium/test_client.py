"""Faults on the wire, and what each of them means."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from email.utils import format_datetime

import aiohttp
import pytest
from aioresponses import CallbackResult, aioresponses

from connector.centres import Account
from connector.centres.thulium.client import Client, Pace, segment
from connector.centres.thulium.wire import Row, read_record
from connector.clock import Clock
from connector.errors import (
    ConnectorError,
    Forbidden,
    Misconfigured,
    NotFound,
    Rejected,
    Throttled,
    Unauthorised,
    UnknownOutcome,
    Unreachable,
)
from connector.settings import Settings
from tests.centres.simulated import WARSAW, ImpatientClock, fixture

BASE = "https://demo.thulium.com/api/"
AGENT = BASE + "agents/anna"
CALL = BASE + "agents/anna/call"


def settings(**values: object) -> Settings:
    return Settings.model_validate({"thulium_requests_per_second": 0, **values})


def account(system: str = "demo", user: str = "api") -> Account:
    return Account(system, user, "zażółć", WARSAW)


@pytest.fixture
def clock() -> ImpatientClock:
    return ImpatientClock()


@pytest.fixture
async def client(clock: ImpatientClock) -> AsyncIterator[Client]:
    client = Client(account(), settings(), clock)
    yield client
    await client.close()


@pytest.fixture
def vendor() -> Iterator[aioresponses]:
    with aioresponses() as vendor:
        yield vendor


async def get(client: Client) -> Row | None:
    return await client.get("agents/anna", read_record)


async def test_a_request_carries_credentials_and_asks_for_english(
    client: Client, vendor: aioresponses
) -> None:
    vendor.get(AGENT + "?limit=1", payload={"login": "anna"})
    assert await client.get("agents/anna", read_record, {"limit": 1}) == {"login": "anna"}
    session = client._session
    assert session is not None
    assert session.headers["Authorization"] == "Basic YXBpOnphxbzDs8WCxIc="
    assert session.headers["Accept-Language"] == "en"


REFUSALS: list[tuple[int, type[ConnectorError]]] = [
    (400, Rejected),
    (401, Unauthorised),
    (403, Forbidden),
    (404, NotFound),
    (429, Throttled),
]


@pytest.mark.parametrize(
    ("method", "status", "error"),
    [(method, *refusal) for method in ("GET", "POST") for refusal in REFUSALS] + [("GET", 503, Throttled)],
)
async def test_a_refusal_is_told_in_our_own_terms_and_not_tried_again(
    client: Client,
    vendor: aioresponses,
    clock: ImpatientClock,
    method: str,
    status: int,
    error: type[ConnectorError],
) -> None:
    vendor.get(AGENT, status=status, body=fixture("error.json"))
    vendor.post(CALL, status=status, body=fixture("error.json"))
    with pytest.raises(error, match=r"Duplicated customer name. .*request 5f1c0a7e"):
        await (get(client) if method == "GET" else client.write("POST", "agents/anna/call", {}))
    assert clock.slept == []


@pytest.mark.parametrize("seconds", [0, 7, 3600])
async def test_the_wait_the_vendor_asks_for_is_told_in_seconds_or_as_a_date(
    client: Client, vendor: aioresponses, clock: ImpatientClock, seconds: int
) -> None:
    until = format_datetime(clock.now() + timedelta(seconds=seconds), usegmt=False)
    for value in (str(seconds), until):
        vendor.get(AGENT, status=429, headers={"Retry-After": value})
        with pytest.raises(Throttled) as caught:
            await get(client)
        assert caught.value.after == pytest.approx(seconds, abs=2)
    vendor.get(AGENT, status=503, headers={"Retry-After": "soon"})
    with pytest.raises(Throttled) as caught:
        await get(client)
    assert caught.value.after is None


@pytest.mark.parametrize(
    "trouble",
    [
        {"status": 500},
        {"status": 502, "body": "<html>Bad gateway</html>"},
        {"exception": aiohttp.ServerDisconnectedError()},
        {"exception": TimeoutError()},
        {"exception": ConnectionResetError()},
        {"body": "<html>Please wait</html>"},
        {"body": ""},
    ],
    ids=["500", "502", "disconnect", "time-out", "reset", "HTML", "empty"],
)
async def test_a_read_in_trouble_is_tried_three_more_times(
    client: Client, vendor: aioresponses, clock: ImpatientClock, trouble: dict[str, object]
) -> None:
    for _ in range(3):
        vendor.get(AGENT, **trouble)
    vendor.get(AGENT, payload={"login": "anna"})
    assert await get(client) == {"login": "anna"}
    assert len(clock.slept) == 3
    vendor.get(AGENT, repeat=True, **trouble)
    with pytest.raises(Unreachable):
        await get(client)
    assert len(clock.slept) == 6


@pytest.mark.parametrize(
    "trouble",
    [
        {"status": 500},
        {"status": 503},
        {"status": 302, "headers": {"Location": "https://evil.example.com/"}},
        {"exception": aiohttp.ServerDisconnectedError()},
        {"exception": aiohttp.ServerTimeoutError()},
        {"exception": TimeoutError()},
        {"exception": ConnectionResetError()},
        {"exception": aiohttp.ClientPayloadError()},
    ],
    ids=["500", "503", "302", "disconnect", "socket time-out", "time-out", "reset", "payload"],
)
async def test_a_write_in_trouble_has_an_unknown_outcome_and_is_sent_once(
    client: Client, vendor: aioresponses, clock: ImpatientClock, trouble: dict[str, object]
) -> None:
    vendor.post(CALL, **trouble)
    vendor.post(CALL, status=200)
    with pytest.raises(UnknownOutcome):
        await client.write("POST", "agents/anna/call", {"phone_number": "+48601000001"})
    assert clock.slept == []
    assert await client.write("POST", "agents/anna/call", {}) == b""


async def test_a_write_that_never_reached_anybody_is_not_done(client: Client, vendor: aioresponses) -> None:
    refused = aiohttp.ClientConnectorError(
        aiohttp.client_reqrep.ConnectionKey("demo", 443, True, True, None, None, None, None),
        OSError(111, "refused"),
    )
    for failure in (refused, aiohttp.ConnectionTimeoutError()):
        vendor.post(CALL, exception=failure)
        with pytest.raises(Unreachable):
            await client.write("POST", "agents/anna/call", {})


async def test_a_redirect_is_never_followed(client: Client, vendor: aioresponses) -> None:
    followed: list[str] = []

    def elsewhere(url: object, **_: object) -> CallbackResult:
        followed.append(str(url))
        return CallbackResult(payload={})

    vendor.get(AGENT, status=302, headers={"Location": "https://evil.example.com/api/agents/anna"})
    vendor.get("https://evil.example.com/api/agents/anna", callback=elsewhere)
    with pytest.raises(Rejected, match="302"):
        await get(client)
    assert followed == []


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("https://{system}.thulium.com", True),
        ("https://{system}.thulium.com:8443", False),
        ("http://{system}.thulium.com", False),
        ("https://{system}.thulium.com.example.com", False),
        ("https://thulium.example.com/{system}", False),
        ("http://127.0.0.1:9000/{system}", True),
        ("http://127.0.0.1:9001/{system}", False),
    ],
)
def test_credentials_go_only_to_the_vendor_and_to_trusted_hosts(
    clock: ImpatientClock, url: str, allowed: bool
) -> None:
    given = settings(thulium_url=url, trusted_hosts="127.0.0.1:9000")
    if allowed:
        Client(account(), given, clock)
    else:
        with pytest.raises(Misconfigured):
            Client(account(), given, clock)


@pytest.mark.parametrize("system", ["", "a.b", "evil.example.com/", "a/b", "a@b", "-a", "a" * 64, "ż", "a\n"])
def test_the_name_of_a_system_is_one_part_of_a_host_name(clock: ImpatientClock, system: str) -> None:
    if system.strip() == "a":
        Client(account(system), settings(), clock)
        return
    with pytest.raises(Misconfigured):
        Client(account(system), settings(), clock)


def test_ids_cannot_leave_their_place_in_a_path() -> None:
    assert segment("../webhooks?x=1#ż") == "..%2Fwebhooks%3Fx%3D1%23%C5%BC"


def test_an_account_does_not_show_its_password() -> None:
    assert "zażółć" not in repr(account())


async def test_an_endless_answer_is_given_up(
    client: Client, vendor: aioresponses, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connector.centres.thulium.client._LARGEST_ANSWER", 1_000)
    vendor.get(AGENT, body=b" " * 2_000)
    vendor.post(CALL, body=b" " * 2_000)
    with pytest.raises(Rejected, match="64 MB"):
        await get(client)
    with pytest.raises(UnknownOutcome):
        await client.write("POST", "agents/anna/call", {})


async def test_requests_keep_to_the_rate(clock: ImpatientClock) -> None:
    pace = Pace(clock, 4)
    began, before = clock.now(), clock.offset
    for _ in range(9):
        await pace.turn()
    assert (clock.now() - began).total_seconds() >= 1.99
    assert (clock.offset - before).total_seconds() <= 2.01


async def test_requests_waiting_together_keep_to_the_rate() -> None:
    clock, sent = Clock(), []
    pace = Pace(clock, 100)

    async def send() -> None:
        await pace.turn()
        sent.append(clock.now())

    await asyncio.gather(*(send() for _ in range(6)))
    assert (max(sent) - min(sent)).total_seconds() >= 0.045


async def test_a_clock_moved_back_does_not_hold_requests_up(clock: ImpatientClock) -> None:
    pace = Pace(clock, 2)
    await pace.turn()
    clock.move_to(timedelta(days=-1))
    await pace.turn()
    assert clock.slept == [pytest.approx(0.5, abs=0.1)]


async def test_a_rate_of_nothing_is_no_limit(clock: ImpatientClock) -> None:
    pace = Pace(clock, 0)
    for _ in range(1000):
        await pace.turn()
    assert clock.slept == []


async def test_a_closed_account_opens_no_connection_any_more(client: Client) -> None:
    await client.close()
    with pytest.raises(Unreachable, match="set up anew"):
        await get(client)
