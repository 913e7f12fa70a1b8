"""Planted mistakes of a client, each of which must be found, and honest requests, which must pass."""

import orjson
import pytest

from tests.contract.checker import Checker
from tests.contract.findings import FORM, Violation
from tests.contract.vendor import Json, Object

BEARER = {"Authorization": "Bearer t0ken"}
JSON = {"Content-Type": "application/json"}
BASIC = {"Authorization": "Basic ZGVtbzpkZW1v", "Content-Type": FORM}
HASH = "d4de1c1518b4531717c676029a45911c340390a6"

ACTIVITY: Object = {
    "subject": "Rozmowa przychodząca",
    "type": "call",
    "done": True,
    "due_date": "2026-08-22",
    "due_time": "13:05",
    "duration": "00:04",
    "owner_id": 12,
    "deal_id": 55,
    "org_id": 7,
    "participants": [{"person_id": 101, "primary": True}],
    "note": "<b>Queue:</b> Sales",
    "busy": False,
}
PERSON: Object = {
    "name": "Ann Lee",
    "emails": [{"value": "ann@example.com", "primary": True, "label": "work"}],
    "phones": [{"value": "+48 601 000 001", "primary": True, "label": "mobile"}],
    "custom_fields": {HASH: "text"},
}


CHECKER = Checker()


def sent(asked: str, body: bytes, headers: dict[str, str] = BEARER | JSON) -> list[Violation]:
    method, _, target = asked.partition(" ")
    path, _, query = target.partition("?")
    return CHECKER.check_request(method, path, query, headers, body)


def places(violations: list[Violation]) -> list[tuple[str, str]]:
    return [(violation.place, violation.kind) for violation in violations]


@pytest.mark.parametrize(
    ("asked", "body"),
    [
        ("POST /api/v2/activities", ACTIVITY),
        ("PATCH /api/v2/activities/7", {"deal_id": None, "note": "later"}),
        ("POST /api/v2/persons", PERSON),
        ("PATCH /api/v2/organizations/7", {"address": None}),
        ("PATCH /api/v2/deals/7", {"person_id": None}),
        ("POST /api/v2/persons", {"first_name": "Ann", "last_name": "Lee"}),
        ("PATCH /api/v2/persons/7", {"org_id": None, "custom_fields": {HASH: None}}),
        ("PATCH /api/v2/persons/7", {"name": "Ann Lee", "phones": [], "owner_id": 12, "label_ids": [3]}),
        ("PATCH /api/v2/persons/7", {"phones": [{"value": "+48601000001", "label": "work", "primary": False}]}),
        ("POST /api/v2/organizations", {"name": "Lee Ltd", "website": "https://lee.example.com", "owner_id": 12,
                                        "address": {"value": "Prosta 1"}, "custom_fields": {HASH: 7}}),
        ("PATCH /api/v2/organizations/7", {"name": "Lee", "website": None, "custom_fields": {HASH: None}}),
        ("GET /api/v2/persons?limit=500&ids=1,2,3&updated_since=2026-01-01T00:00:00Z&sort_by=update_time", None),
        ("GET /api/v2/deals?status=open,won&person_id=7&include_fields=notes_count,files_count", None),
        ("GET /api/v2/persons/search?term=%2B48601&fields=phone,email&exact_match=true", None),
        ("GET /api/v2/activities/7", None),
        ("GET /api/v2/deals/archived", None),
        ("GET /v1/users/me", None),
        ("GET /api/v1/activityTypes", None),
        ("PUT /v1/persons/7/merge", {"merge_with_id": 8}),
    ],
)  # fmt: skip
def test_honest_requests_pass(asked: str, body: Json) -> None:
    assert sent(asked, b"" if body is None else orjson.dumps(body)) == []


@pytest.mark.parametrize(
    ("asked", "body", "place", "kind"),
    [
        ("POST /api/v2/activities", ACTIVITY | {"person_id": 101}, "body/person_id", "undeclared"),
        ("POST /api/v2/activities", ACTIVITY | {"user_id": 12}, "body/user_id", "undeclared"),
        ("POST /api/v2/activities", ACTIVITY | {"done": 1}, "body/done", "type"),
        ("POST /api/v2/activities", ACTIVITY | {"deal_id": "55"}, "body/deal_id", "type"),
        ("POST /api/v2/activities", ACTIVITY | {"deal_id": None}, "body/deal_id", "null"),
        ("POST /api/v2/activities", ACTIVITY | {"due_time": "9:05"}, "body/due_time", "pattern"),
        ("POST /api/v2/activities", ACTIVITY | {"due_date": "22.08.2026"}, "body/due_date", "pattern"),
        ("POST /api/v2/activities", ACTIVITY | {"participants": [{"person_id": 1}]}, "body/participants", "contains"),
        ("POST /api/v2/activities", ACTIVITY | {"participants": [{"person_id": 1, "primary": True, "x": 1}]},
         "body/participants/0/x", "undeclared"),
        ("POST /api/v2/activities", [ACTIVITY], "body", "type"),
        ("POST /api/v2/activities", None, "", "required"),
        ("PATCH /api/v2/activities/seven", {"note": "x"}, "path/id", "type"),
        ("PATCH /api/v2/activities/7", {"owner_id": None}, "body/owner_id", "null"),
        ("PUT /api/v2/activities/7", {"note": "x"}, "path", "unknown"),
        ("POST /v1/activities", ACTIVITY, "path", "unknown"),
        ("GET /api/v2/callLogs", None, "path", "unknown"),
        ("GET /api/v2/activities?type=call", None, "query/type", "undeclared"),
        ("GET /api/v2/activities?limit=501", None, "query/limit", "maximum"),
        ("GET /api/v2/activities?limit=ten", None, "query/limit", "type"),
        ("GET /api/v2/activities?done=1", None, "query/done", "type"),
        ("GET /api/v2/activities?limit=5&limit=6", None, "query/limit", "repeated"),
        ("GET /api/v2/activities?sort_by=subject", None, "query/sort_by", "enum"),
        ("GET /api/v2/persons?updated_since=2026-01-01T00:00:00.500Z", None, "query/updated_since", "pattern"),
        ("GET /api/v2/persons?start=100", None, "query/start", "undeclared"),
        ("GET /api/v2/persons?api_token=t0ken", None, "query/api_token", "undeclared"),
        ("GET /api/v2/persons?ids=1,x", None, "query/ids/1", "pattern"),
        ("GET /api/v2/persons?ids=" + ",".join(["1"] * 101), None, "query/ids", "maxItems"),
        ("GET /api/v2/deals?status=open,gone", None, "query/status/1", "enum"),
        ("GET /api/v2/persons/search?fields=phone", None, "query", "required"),
        ("GET /api/v2/persons/search?term=+48601000001", None, "query/term", "pattern"),
        ("GET /api/v2/itemSearch?term=ab&limit=101", None, "query/limit", "maximum"),
        ("GET /api/v2/persons/7", {"name": "x"}, "body", "undeclared"),
        ("POST /api/v2/persons", PERSON | {HASH: "text"}, f"body/{HASH}", "undeclared"),
        ("POST /api/v2/persons", PERSON | {"custom_fields": {"Contact centre": "x"}}, "body/custom_fields", "propertyNames"),
        ("POST /api/v2/persons", PERSON | {"custom_fields": {HASH: []}}, f"body/custom_fields/{HASH}", "not"),
        ("POST /api/v2/persons", PERSON | {"phones": ["+48 601 000 001"]}, "body/phones/0", "type"),
        ("POST /api/v2/persons", PERSON | {"phones": [{"value": "+48 601 000 001", "type": "work"}]},
         "body/phones/0/type", "undeclared"),
        ("POST /api/v2/persons", PERSON | {"emails": [{"value": "a", "primary": True}, {"value": "b", "primary": True}]},
         "body/emails", "contains"),
        ("POST /api/v2/organizations", {"website": "https://lee.example.com"}, "body", "required"),
        ("POST /api/v2/organizations", {"name": "Lee Ltd", "address": "Prosta 1"}, "body/address", "type"),
        ("PATCH /api/v2/persons/7", {"org_id": "3"}, "body/org_id", "type"),
        ("PATCH /api/v2/persons/7", {"phones": None}, "body/phones", "null"),
        ("PUT /v1/persons/7/merge", {"merge_with": 8}, "body", "required"),
        ("POST /v1/webhooks", {"subscription_url": "https://example.com", "event_action": "changed",
                                      "event_object": "person", "name": "x"}, "body/event_action", "enum"),
    ],
)  # fmt: skip
def test_planted_requests_are_caught(asked: str, body: Json, place: str, kind: str) -> None:
    met = sent(asked, b"" if body is None else orjson.dumps(body))
    assert (place, kind) in places(met), [*map(str, met)]


@pytest.mark.parametrize(
    ("headers", "place"),
    [
        (JSON, "header/authorization"),
        (JSON | {"Authorization": "Basic eDp5"}, "header/authorization"),
        (BEARER | {"Content-Type": "text/plain"}, "header/content-type"),
        (BEARER | {"Content-Type": FORM}, "header/content-type"),
    ],
)
def test_planted_headers_are_caught(headers: dict[str, str], place: str) -> None:
    met = sent("POST /api/v2/activities", orjson.dumps(ACTIVITY), headers)
    assert [violation.place for violation in met] == [place]


def test_both_grants_and_revoking_pass_and_half_a_grant_does_not() -> None:
    def met(path: str, form: bytes) -> list[tuple[str, str]]:
        return places(sent(f"POST {path}", form, BASIC))

    redirect = b"redirect_uri=https%3A%2F%2Fexample.com%2Fcallback"
    assert met("/oauth/token", b"grant_type=authorization_code&code=c&" + redirect) == []
    assert met("/oauth/token", b"grant_type=refresh_token&refresh_token=r") == []
    assert met("/oauth/revoke", b"token=r&token_type_hint=refresh_token") == []
    assert met("/oauth/token", b"grant_type=authorization_code&code=c") == [("body", "required")]
    assert sorted(met("/oauth/token", b"grant_type=refresh_token&code=c")) == [
        ("body", "required"),
        ("body/code", "undeclared"),
    ]
    assert met("/oauth/token", b"grant_type=password&code=c&" + redirect) == [("body/grant_type", "enum")]
