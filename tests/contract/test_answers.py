"""Planted mistakes of a server, each of which must be found, and honest answers, which must pass."""

import orjson
import pytest

from tests.contract.checker import LIMIT_HEADERS, Checker
from tests.contract.findings import Violation
from tests.contract.test_requests import JSON, PERSON, places
from tests.contract.vendor import Json, Object

LIMITS = dict.fromkeys(LIMIT_HEADERS, "80")
CHECKER = Checker()


def got(answered: str, body: bytes, headers: dict[str, str] = JSON | LIMITS) -> list[Violation]:
    method, path, status = answered.split(" ")
    return CHECKER.check_response(method, path, int(status), headers, body)


PERSON_READ: Object = PERSON | {
    "id": 1,
    "org_id": None,
    "last_name": None,
    "add_time": "2026-08-22T13:05:01Z",
}
ONE: Object = {"success": True, "data": PERSON_READ}
REFUSED: Object = {"success": False, "error": "Bad request", "code": "ERR_BAD_REQUEST"}


@pytest.mark.parametrize(
    ("answered", "body"),
    [
        ("GET /api/v2/persons/1 200", ONE),
        ("POST /api/v2/persons 200", ONE),
        ("POST /api/v2/persons 201", ONE),
        ("GET /api/v2/persons 200", {"success": True, "data": [PERSON_READ], "additional_data": {"next_cursor": None}}),
        ("DELETE /api/v2/persons/1 200", {"success": True, "data": {"id": 1}}),
        ("DELETE /v1/webhooks/1 200", {"success": True, "status": "ok"}),
        ("POST /api/v2/persons 400", REFUSED),
        ("GET /api/v2/persons 401", {"success": False, "error": "unauthorized access", "errorCode": 401}),
        ("GET /api/v2/persons 403", {"success": False, "error": "Scope and URL mismatch"}),
        ("GET /api/v2/persons 429", {"success": False, "error": "Request over limit"}),
        ("GET /v1/users 500", {"success": False, "error": "x", "error_info": "y", "data": None, "additional_data": None}),
        ("POST /v1/webhooks 400", {"status": "error", "success": False, "errors": {"subscription_url": ["invalid"]}}),
        ("POST /oauth/token 400", {"success": False, "message": "Invalid grant: refresh_token is invalid", "error": "invalid_grant"}),
        ("POST /oauth/token 400", {"error": "invalid_grant", "error_description": "Invalid grant: refresh_token is invalid"}),
    ],
)  # fmt: skip
def test_honest_answers_pass(answered: str, body: Json) -> None:
    assert got(answered, orjson.dumps(body)) == []


@pytest.mark.parametrize(
    ("answered", "body", "place", "kind"),
    [
        ("GET /api/v2/persons/1 200", {"success": True, "data": PERSON_READ | {"company_id": 1}}, "body/data/company_id", "undeclared"),
        ("GET /api/v2/persons/1 200", {"success": True, "data": PERSON_READ | {"org_id": {"value": 1}}}, "body/data/org_id", "type"),
        ("GET /api/v2/persons/1 200", {"success": True, "data": PERSON_READ | {"visible_to": "3"}}, "body/data/visible_to", "type"),
        ("GET /api/v2/persons/1 200", {"success": True, "data": PERSON_READ | {"add_time": "2026-08-22 13:05:01"}},
         "body/data/add_time", "pattern"),
        ("GET /api/v2/persons/1 200", {"success": True, "data": {"name": "Ann"}}, "body/data", "required"),
        ("GET /api/v2/persons/1 200", {"success": True, "data": None}, "body/data", "not"),
        ("GET /api/v2/persons/1 200", {"success": True}, "body", "required"),
        ("GET /api/v2/persons/1 200", {"success": False, "data": PERSON_READ}, "body/success", "const"),
        ("GET /api/v2/persons/1 200", [], "body", "type"),
        ("GET /api/v2/persons/1 201", ONE, "status/201", "undeclared"),
        ("GET /api/v2/persons 200", {"success": True, "data": [PERSON_READ], "additional_data": {"pagination": {}}},
         "body/additional_data/pagination", "undeclared"),
        ("GET /api/v2/persons 200", {"success": True, "data": [None]}, "body/data/0", "null"),
        ("GET /api/v2/persons/search 200",
         {"success": True, "data": {"items": [{"result_score": 0.5, "item": {"id": 1, "type": "person", "phones": [{"value": "1"}]}}]}},
         "body/data/items/0/item/phones/0", "type"),
        ("GET /v1/activityTypes 200", {"success": True, "data": [{"id": 1, "icon_key": "phone"}]}, "body/data/0/icon_key", "enum"),
        ("POST /oauth/token 200", {"access_token": "a", "token_type": "Bearer", "refresh_token": "r", "scope": "base", "expires_in": "3599",
                                       "api_domain": "https://example.com"}, "body/expires_in", "type"),
        ("POST /oauth/token 200", {"access_token": "a", "token_type": "Bearer"}, "body", "required"),
        ("POST /oauth/token 400", {"error": "invalid_grant"}, "body", "anyOf"),
        ("POST /api/v2/persons 400", REFUSED | {"data": None}, "body", "anyOf"),
        ("POST /api/v2/persons 400", REFUSED | {"success": True}, "body", "anyOf"),
        ("GET /api/v2/persons 401", REFUSED, "body", "anyOf"),
        ("POST /api/v2/persons 418", REFUSED, "status/418", "undeclared"),
    ],
)  # fmt: skip
def test_planted_answers_are_caught(answered: str, body: Json, place: str, kind: str) -> None:
    met = got(answered, orjson.dumps(body))
    assert (place, kind) in places(met), [*map(str, met)]


def test_answers_need_their_headers() -> None:
    assert places(got("GET /api/v2/persons/1 200", orjson.dumps(ONE), JSON)) == [
        (f"header/{name}", "required") for name in LIMIT_HEADERS
    ]
    html = {"Content-Type": "text/html; charset=utf-8"}
    assert got("GET /api/v2/persons 403", b"<html></html>", html) == []
    assert got("GET /api/v2/persons 502", b"<html></html>", html) == []
    assert places(got("GET /api/v2/persons 404", b"<html></html>", html)) == [("status/404", "html")]
    assert ("body", "type") in places(got("GET /api/v2/persons 200", b""))
