"""Wire faults of single calls; behaviour is tested against the simulated Pipedrive in `test_client.py`."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import orjson
import pytest
from aiohttp import (
    ClientConnectorError,
    ClientOSError,
    ClientPayloadError,
    ClientSession,
    ConnectionTimeoutError,
    ServerDisconnectedError,
    ServerTimeoutError,
    web,
)
from aiohttp.client_reqrep import ConnectionKey
from aiohttp.test_utils import TestServer
from aioresponses import aioresponses
from aioresponses.core import RequestCall
from yarl import URL

from connector.errors import (
    AccountClosed,
    Blocked,
    BudgetSpent,
    ConnectorError,
    Rejected,
    Throttled,
    Unauthorised,
    UnknownOutcome,
    Unreachable,
)
from connector.pipedrive import transport
from connector.pipedrive.budget import Budget, Governor, Lane
from connector.pipedrive.client import Pipedrive
from connector.pipedrive.credentials import Credentials
from connector.pipedrive.records import Tokens
from connector.records import ActivityDraft
from connector.settings import Settings
from tests.pipedrive.conftest import JumpingClock, Spending, Vault

API = "https://acme.pipedrive.com"
CREATE = f"{API}/api/v2/activities"
PERSON = f"{API}/api/v2/persons/7"
REFRESH = "https://oauth.pipedrive.com/oauth/token"
DRAFT = ActivityDraft("Call", "call", datetime(2026, 8, 22, 13, tzinfo=UTC), "note", "1", "7", None, None)
WRITTEN = {"success": True, "data": {"id": 5, "subject": "Call", "note": "note"}}
FOUND = {"success": True, "data": {"id": 7, "name": "Zofia"}}
REFUSED = ClientConnectorError(
    ConnectionKey("acme.pipedrive.com", 443, True, True, None, None, None), OSError("refused")
)


@dataclass
class Desk:
    """A client with everything a test looks at."""

    pipedrive: Pipedrive
    governor: Governor
    clock: JumpingClock
    store: Vault
    spending: Spending

    @property
    def spent(self) -> int:
        return self.governor.spent_today


@pytest.fixture
def desk(session: ClientSession, clock: JumpingClock, spending: Spending) -> Desk:
    return desk_for(session, clock, spending, Settings())


def desk_for(
    session: ClientSession, clock: JumpingClock, spending: Spending, settings: Settings, api: str = API
) -> Desk:
    store = Vault(Tokens("first", "r", clock.now() + timedelta(hours=1), api), clock)
    governor = Governor(clock, settings, spending)
    credentials = Credentials(store, session, clock, settings)
    return Desk(Pipedrive(session, credentials, governor, clock, settings), governor, clock, store, spending)


@pytest.fixture
def net() -> Iterator[aioresponses]:
    with aioresponses() as net:
        yield net


def made(net: aioresponses) -> dict[tuple[str, URL], list[RequestCall]]:
    return net.requests or {}


def calls(net: aioresponses) -> int:
    return sum(len(same) for same in made(net).values())


@pytest.mark.parametrize(
    "trouble",
    [
        ServerDisconnectedError(),
        ClientOSError(104, "reset"),
        ServerTimeoutError(),
        TimeoutError(),
        ClientPayloadError("cut"),
        ConnectionResetError(),
    ],
)
async def test_a_lost_answer_leaves_a_write_open_and_is_never_sent_again(
    desk: Desk, net: aioresponses, trouble: Exception
) -> None:
    net.post(CREATE, exception=trouble)
    with pytest.raises(UnknownOutcome):
        await desk.pipedrive.create_activity(DRAFT)
    assert calls(net) == 1
    assert desk.spent == 5  # it may have been done, so it may have cost


@pytest.mark.parametrize("trouble", [REFUSED, ConnectionTimeoutError()])
async def test_what_found_no_connection_was_not_done(
    desk: Desk, net: aioresponses, trouble: Exception
) -> None:
    net.post(CREATE, exception=trouble)
    with pytest.raises(Unreachable):
        await desk.pipedrive.create_activity(DRAFT)
    assert (calls(net), desk.spent) == (1, 0)


@pytest.mark.parametrize("status", [500, 502, 503, 504])
async def test_a_server_error_leaves_a_write_open(desk: Desk, net: aioresponses, status: int) -> None:
    net.post(CREATE, status=status, body="<html>", content_type="text/html")
    with pytest.raises(UnknownOutcome):
        await desk.pipedrive.create_activity(DRAFT)
    assert calls(net) == 1


@pytest.mark.parametrize(
    "body", ["", "null", '{"success":true,"data":null}', '{"success":true,"data":{"id":"x"}}']
)
async def test_an_answer_without_an_id_leaves_a_write_open(desk: Desk, net: aioresponses, body: str) -> None:
    net.post(CREATE, status=201, body=body)
    with pytest.raises(UnknownOutcome):
        await desk.pipedrive.create_activity(DRAFT)
    assert calls(net) == 1


async def test_a_read_is_repeated_until_it_is_answered(desk: Desk, net: aioresponses) -> None:
    net.get(PERSON, exception=ServerDisconnectedError())
    net.get(PERSON, status=502)
    net.get(PERSON, status=200, body="")
    net.get(PERSON, payload=FOUND)
    before = desk.clock.now()
    assert (await desk.pipedrive.person("7")).name == "Zofia"
    assert (desk.clock.now() - before).total_seconds() >= 3.4


async def test_a_read_is_given_up_after_four_tries(desk: Desk, net: aioresponses) -> None:
    net.get(PERSON, status=503, repeat=True)
    with pytest.raises(Unreachable):
        await desk.pipedrive.person("7")
    assert calls(net) == 4


async def test_somebody_who_looks_on_waits_for_two_tries_of_a_few_seconds(
    desk: Desk, net: aioresponses
) -> None:
    net.get(PERSON, status=503, repeat=True)
    with pytest.raises(Unreachable):
        await desk.pipedrive.on(Lane.POP).person("7")
    (tries,) = made(net).values()
    assert [call.kwargs["timeout"].total for call in tries] == [8, 8]


async def test_a_write_is_given_its_time_whoever_looks_on(desk: Desk, net: aioresponses) -> None:
    net.post(CREATE, payload=WRITTEN)
    await desk.pipedrive.on(Lane.POP).create_activity(DRAFT)
    (tries,) = made(net).values()
    assert [call.kwargs["timeout"].total for call in tries] == [30]


@pytest.mark.parametrize("method", ["read", "write"])
async def test_a_refused_token_is_renewed_and_the_call_made_once_more(
    desk: Desk, net: aioresponses, method: str
) -> None:
    for put, url, good in ((net.get, PERSON, FOUND), (net.post, CREATE, WRITTEN)):
        put(url, status=401, payload={"success": False, "error": "access_token is invalid"})
        put(url, payload=good)
    net.post(REFRESH, payload={"access_token": "second", "refresh_token": "r", "api_domain": API})
    if method == "read":
        await desk.pipedrive.person("7")
    else:
        await desk.pipedrive.create_activity(DRAFT)
    assert calls(net) == 3
    assert desk.store.tokens.access_token == "second"
    first = next(iter(made(net).values()))
    headers = [call.kwargs["headers"].get("Authorization") for call in first]
    assert headers == ["Bearer first", "Bearer second"]


async def test_a_token_refused_twice_is_no_use(desk: Desk, net: aioresponses) -> None:
    net.get(PERSON, status=401, payload={"success": False}, repeat=True)
    net.post(REFRESH, payload={"access_token": "second", "refresh_token": "r", "api_domain": API})
    with pytest.raises(Unauthorised):
        await desk.pipedrive.person("7")
    assert calls(net) == 3
    assert desk.store.dead is None
    assert "/install" in (desk.store.refused or "")


async def test_while_a_token_is_refused_one_call_in_a_while_tries_it(desk: Desk, net: aioresponses) -> None:
    net.get(PERSON, status=401, payload={"success": False}, repeat=3)
    net.post(REFRESH, payload={"access_token": "second", "refresh_token": "r", "api_domain": API})
    for _ in range(5):
        with pytest.raises(Unauthorised):
            await desk.pipedrive.person("7")
    assert calls(net) == 3
    desk.clock.move_to(timedelta(minutes=15))
    for _ in range(5):
        with pytest.raises(Unauthorised):
            await desk.pipedrive.person("7")
    assert calls(net) == 4
    net.get(PERSON, payload=FOUND, repeat=True)
    desk.clock.move_to(timedelta(minutes=31))
    for _ in range(2):
        await desk.pipedrive.person("7")
    assert desk.store.refused is None


@pytest.mark.parametrize("method", ["read", "write"])
async def test_a_burst_refusal_is_waited_out_for_any_method(
    desk: Desk, net: aioresponses, method: str
) -> None:
    burst = {"x-ratelimit-limit": "80", "x-ratelimit-remaining": "0", "x-ratelimit-reset": "2"}
    for put, url, good in ((net.get, PERSON, FOUND), (net.post, CREATE, WRITTEN)):
        put(url, status=429, payload={"success": False, "error": "Request over limit"}, headers=burst)
        put(url, payload=good)
    before = desk.clock.now()
    await (desk.pipedrive.person("7") if method == "read" else desk.pipedrive.create_activity(DRAFT))
    assert (desk.clock.now() - before).total_seconds() >= 1.9
    assert desk.spent == (1 if method == "read" else 5)


async def test_a_burst_without_end_is_given_up(desk: Desk, net: aioresponses) -> None:
    net.post(CREATE, status=429, payload={"success": False}, repeat=True)
    with pytest.raises(Throttled):
        await desk.pipedrive.create_activity(DRAFT)
    assert calls(net) == 4


@pytest.mark.parametrize(
    ("status", "body", "headers", "kind"),
    [
        (429, '{"success":false}', {"x-ratelimit-limit": "80", "x-ratelimit-remaining": "79"}, BudgetSpent),
        (429, '{"success":false}', {"Retry-After": "120"}, Throttled),
        (402, '{"success":false,"error":"Payment Required"}', {}, AccountClosed),
        (403, "<html>Attention Required</html>", {}, Blocked),
    ],
)
async def test_what_concerns_the_whole_company_stops_all_its_calls(
    desk: Desk, net: aioresponses, status: int, body: str, headers: dict[str, str], kind: type[ConnectorError]
) -> None:
    net.post(CREATE, status=status, body=body, headers=headers)
    net.get(PERSON, payload=FOUND)
    with pytest.raises(kind):
        await desk.pipedrive.create_activity(DRAFT)
    with pytest.raises(kind):
        await desk.pipedrive.on(Lane.DIAL).person("7")
    assert calls(net) == 1
    desk.clock.move_to(desk.clock.offset + timedelta(hours=1, seconds=1))
    desk.store.tokens = Tokens("first", "r", desk.clock.now() + timedelta(hours=1), API)
    assert (await desk.pipedrive.person("7")).id == "7"


async def test_a_refusal_of_one_record_stops_nothing_else(desk: Desk, net: aioresponses) -> None:
    net.post(
        CREATE, status=400, payload={"success": False, "error": "Bad", "code": "ERR_SCHEMA_VALIDATION_FAILED"}
    )
    net.post(CREATE, payload=WRITTEN)
    with pytest.raises(Rejected):
        await desk.pipedrive.create_activity(DRAFT)
    assert (await desk.pipedrive.create_activity(DRAFT)).id == "5"


async def test_a_redirect_is_not_followed_with_our_token(desk: Desk, net: aioresponses) -> None:
    net.get(PERSON, status=302, headers={"Location": "https://evil.example.com/"}, repeat=True)
    with pytest.raises(Unreachable):
        await desk.pipedrive.person("7")
    assert {url.host for _, url in made(net)} == {"acme.pipedrive.com"}


async def test_a_backfill_ends_when_its_own_budget_does(desk: Desk, net: aioresponses) -> None:
    net.post(CREATE, payload=WRITTEN, repeat=True)
    budget = Budget(12)
    backfill = desk.pipedrive.on(Lane.BACKFILL, budget)
    await backfill.create_activity(DRAFT)
    await backfill.create_activity(DRAFT)
    with pytest.raises(BudgetSpent):
        await backfill.create_activity(DRAFT)
    assert (calls(net), budget.left) == (2, 2)
    await desk.pipedrive.create_activity(DRAFT)


async def test_an_id_from_outside_cannot_change_the_path(desk: Desk, net: aioresponses) -> None:
    with pytest.raises(Rejected):
        await desk.pipedrive.person("7/../../users/me")
    assert calls(net) == 0


@pytest.fixture
async def slow(session: ClientSession, clock: JumpingClock, spending: Spending) -> AsyncIterator[Desk]:
    """A client whose Pipedrive sends more than anybody reads, or nothing at all."""

    async def endless(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse()
        await answer.prepare(request)
        if request.method == "POST":
            await asyncio.sleep(5)
        with_data = orjson.dumps({"success": True}) + b" " * 65536
        while True:
            await answer.write(with_data)

    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", endless)
    async with TestServer(app) as server:
        host = f"{server.host}:{server.port}"
        settings = Settings.model_validate({"trusted_hosts": (host,), "pipedrive_timeout": 0.05})
        yield desk_for(session, clock, spending, settings, f"http://{host}")


async def test_a_late_answer_leaves_a_write_open(slow: Desk) -> None:
    with pytest.raises(UnknownOutcome):
        await slow.pipedrive.create_activity(DRAFT)


async def test_an_answer_without_end_is_not_read_to_the_end(
    slow: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "LARGEST_ANSWER", 100_000)
    with pytest.raises(Unreachable, match="ClientError"):
        await slow.pipedrive.person("7")
