import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from tests.contract.checker import Checker, vendor_contract
from tests.contract.exceptions import ADDED, ALLOWED, AMENDED
from tests.contract.strict import answer_schema, request_schema
from tests.contract.test_answers import LIMITS, REFUSED
from tests.contract.test_requests import ACTIVITY, BEARER, places
from tests.contract.vendor import mapping


async def page(_: web.Request) -> web.Response:
    return web.Response(text="a page for people")


async def test_the_middleware_keeps_what_it_finds() -> None:
    checker = Checker()

    async def activities(request: web.Request) -> web.Response:
        sent = await request.json()
        if "person_id" in sent:
            return web.json_response(REFUSED, status=400)
        return web.json_response({"success": True, "data": sent | {"id": 1}}, headers=LIMITS)

    app = web.Application(middlewares=[checker.middleware])
    app.router.add_post("/api/v2/activities", activities)
    app.router.add_get("/person/1", page)
    async with TestClient(TestServer(app), headers=BEARER) as client:
        assert (await client.post("/api/v2/activities", json=ACTIVITY)).status == 200
        assert (await client.get("/person/1")).status == 200
        checker.assert_clean()
        assert checker.seen == {"POST /api/v2/activities": 1}

        await client.post("/api/v2/activities", json=ACTIVITY | {"person_id": 101})
        checker.assert_clean(refusals_allowed=True)
        assert places(checker.refused) == [("body/person_id", "undeclared")]
        with pytest.raises(AssertionError, match="person_id"):
            checker.assert_clean()

        await client.post("/api/v2/activities", json=ACTIVITY | {"colour": "red"})
        assert [(violation.side, violation.place) for violation in checker.violations] == [
            ("request", "body/colour"),
            ("answer", "body/data/colour"),
        ]
        await client.get("/api/v2/nothing")
        assert places(checker.refused[1:]) == [("path", "unknown")]


def test_every_amendment_still_meets_the_files() -> None:
    met: set[str] = set()
    for key, value in (mapping(vendor_contract()["operations"]) | ADDED).items():
        operation = mapping(value)
        request_schema(key, operation, met)
        for status, answer in mapping(operation["responses"]).items():
            if answer is not None and status.startswith("2"):
                answer_schema(key, mapping(answer), met)
    assert {rule.key for rule in AMENDED} - met == set()


def test_exceptions_have_a_name_and_a_reason_each() -> None:
    keys = [rule.key for rule in (*ALLOWED, *AMENDED)]
    assert len(keys) == len(set(keys))
    assert all(rule.reason for rule in (*ALLOWED, *AMENDED))
