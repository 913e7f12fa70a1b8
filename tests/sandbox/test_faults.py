"""The faults that every simulator can be asked for, on a trivial application and a real socket."""

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from connector.sandbox.clock import Clock
from connector.sandbox.faults import Faults, Rule, control_routes
from connector.sandbox.wire import answer

EFFECTS = web.AppKey("EFFECTS", list[str])
Client = TestClient[web.Request, web.Application]


def vendor_answer(rule: Rule, request: web.Request) -> web.StreamResponse:
    return answer({"fault": rule.kind, "path": request.path}, rule.status)


async def write(request: web.Request) -> web.Response:
    request.app[EFFECTS].append((await request.read()).decode())
    return answer({"done": True})


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    clock = Clock()
    faults = Faults(clock, lambda path: path.startswith("/api"), vendor_answer)
    app = web.Application(middlewares=[faults.middleware])
    app[EFFECTS] = []
    app.on_response_prepare.append(clock.date_answers)
    app.on_cleanup.append(faults.close)
    app.add_routes([web.post("/api/write", write), *control_routes(faults, clock)])
    async with TestClient(TestServer(app)) as client:
        yield client


def effects(client: Client) -> list[str]:
    app = client.server.app  # type: ignore[attr-defined]  # a TestServer always has its application
    found: list[str] = app[EFFECTS]
    return found


async def add(client: Client, **rule: object) -> None:
    async with client.post("/_sandbox/faults", json=rule) as response:
        assert response.status == 201, await response.text()


async def test_without_a_rule_the_call_goes_through_and_is_logged(client: Client) -> None:
    async with client.post("/api/write?page=2", data=b"one") as response:
        assert response.status == 200
    calls = await (await client.get("/_sandbox/calls")).json()
    assert [(call["n"], call["method"], call["path"], call["query"], call["status"]) for call in calls] == [
        (1, "POST", "/api/write", "page=2", 200)
    ]


@pytest.mark.parametrize(
    ("kind", "landed"),
    [("timeout_before", []), ("timeout_after", ["x"]), ("reset_before", []), ("reset_after", ["x"])],
)
async def test_a_dropped_call_has_its_effect_or_not_as_the_kind_says(
    client: Client, kind: str, landed: list[str]
) -> None:
    await add(client, kind=kind, method="POST", seconds=0.01)
    with pytest.raises((aiohttp.ServerDisconnectedError, aiohttp.ClientOSError)):
        await client.post("/api/write", data=b"x")
    assert effects(client) == landed
    async with client.post("/api/write", data=b"y") as response:
        assert response.status == 200


async def test_a_late_effect_lands_after_the_connection_was_dropped(client: Client) -> None:
    await add(client, kind="late_effect", seconds=0.05, hold_seconds=0.01)
    with pytest.raises((aiohttp.ServerDisconnectedError, aiohttp.ClientOSError)):
        await client.post("/api/write", data=b"late")
    assert effects(client) == []
    await asyncio.sleep(0.08)
    assert effects(client) == ["late"]


async def test_a_status_can_come_before_or_after_the_effect(client: Client) -> None:
    await add(client, kind="status_before", status=503)
    await add(client, kind="status_after", status=502)
    async with client.post("/api/write", data=b"1") as response:
        assert response.status == 503
    assert effects(client) == []
    await client.delete("/_sandbox/faults")
    await add(client, kind="status_after", status=502)
    async with client.post("/api/write", data=b"2") as response:
        assert response.status == 502
    assert effects(client) == ["2"]


async def test_the_third_matching_call_alone_is_hit(client: Client) -> None:
    await add(client, kind="unauthorised", status=401, path="/write$", nth=3)
    statuses = [(await client.post("/api/write")).status for _ in range(5)]
    assert statuses == [200, 200, 401, 200, 200]
    rules: list[dict[str, int]] = await (await client.get("/_sandbox/faults")).json()
    assert [(rule["seen"], rule["hits"]) for rule in rules] == [(5, 1)]


async def test_without_a_limit_a_rule_hits_for_ever(client: Client) -> None:
    await add(client, kind="burst_429", status=429, times=None)
    assert [(await client.post("/api/write")).status for _ in range(4)] == [429] * 4


async def test_an_empty_body_hides_an_effect_that_happened(client: Client) -> None:
    await add(client, kind="empty_body")
    async with client.post("/api/write", data=b"z") as response:
        assert (response.status, await response.read()) == (200, b"")
    assert effects(client) == ["z"]


async def test_a_wrong_rule_is_refused(client: Client) -> None:
    wrong: list[object] = [
        {"kind": "nonsense"},
        {"kind": "delay", "secs": 1},
        {"kind": "delay", "path": "("},
        [],
    ]
    for rule in wrong:
        assert (await client.post("/_sandbox/faults", json=rule)).status == 400


async def test_the_date_of_answers_follows_the_simulated_clock(client: Client) -> None:
    await client.post("/_sandbox/clock", json={"offset_seconds": 86400 * 365 * 40})
    async with client.post("/api/write") as response:
        assert int(response.headers["Date"].split()[3]) > 2060
