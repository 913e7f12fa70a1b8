import contextlib
from collections.abc import Mapping

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.errors import (
    AccountClosed,
    Blocked,
    BudgetSpent,
    ConnectorError,
    Forbidden,
    Misconfigured,
    NotFound,
    PlanLimit,
    Rejected,
    Throttled,
    Unauthorised,
    UnknownOutcome,
    Unreachable,
)
from connector.pipedrive import wire

HTML = b"<!DOCTYPE html><title>Attention Required!</title>"
DATE = "Sat, 22 Aug 2026 13:30:00 GMT"
METHODS = ("GET", "POST", "PATCH", "PUT", "DELETE")
WRITES = METHODS[1:]


def said(**document: object) -> bytes:
    return orjson.dumps({"success": False, **document})


def error_of(
    status: int, body: bytes = b"{}", headers: Mapping[str, str] | None = None, method: str = "POST"
) -> ConnectorError:
    with pytest.raises(ConnectorError) as caught:
        wire.decipher(status, headers or {}, body, method=method, scopes=("activities:full",))
    return caught.value


def test_a_good_answer_gives_its_data_cursor_and_date() -> None:
    body = orjson.dumps({"success": True, "data": [1], "additional_data": {"next_cursor": "abc"}})
    reply = wire.decipher(200, {"Date": DATE}, body, method="GET")
    assert (reply.data, reply.next_cursor, reply.date) == ([1], "abc", DATE)


@pytest.mark.parametrize("additional", [None, {}, {"next_cursor": None}, {"next_cursor": ""}, []])
def test_a_last_page_has_no_cursor(additional: object) -> None:
    body = orjson.dumps({"success": True, "data": [], "additional_data": additional})
    assert wire.decipher(200, {}, body, method="GET").next_cursor is None


@pytest.mark.parametrize("method", WRITES)
@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, Rejected),
        (401, Unauthorised),
        (402, AccountClosed),
        (403, Forbidden),
        (404, NotFound),
        (410, NotFound),
        (422, Rejected),
        (429, Throttled),
    ],
)
def test_a_refused_write_was_not_done(method: str, status: int, kind: type[ConnectorError]) -> None:
    assert type(error_of(status, method=method)) is kind


@pytest.mark.parametrize("status", [500, 501, 502, 503, 504, 520, 302, 408])
@pytest.mark.parametrize("body", [b"", HTML, said(error="oops", code="ERR_UNKNOWN")])
def test_trouble_leaves_a_write_open_and_repeats_a_read(status: int, body: bytes) -> None:
    assert all(type(error_of(status, body, method=method)) is UnknownOutcome for method in WRITES)
    assert type(error_of(status, body, method="GET")) is Unreachable


@pytest.mark.parametrize("body", [b"", b"null", b"[]", HTML, b'{"success":true,"da', said(error="?")])
def test_a_success_without_readable_json_leaves_a_write_open(body: bytes) -> None:
    assert type(error_of(201, body)) is UnknownOutcome
    assert type(error_of(200, body, method="GET")) is Unreachable


def test_the_four_kinds_of_403_are_told_apart() -> None:
    scope = error_of(403, said(error="Scope and URL mismatch"))
    assert type(scope) is Forbidden
    assert "activities:full" in str(scope)
    assert type(error_of(403, said(error="Forbidden"))) is Forbidden
    assert type(error_of(403, said(error="x", code="feature_capping_deals_limit"))) is PlanLimit
    inside = said(error="x", data={"code": "FEATURE_CAPPING_DEALS_LIMIT"})
    assert type(error_of(403, inside)) is PlanLimit
    assert type(error_of(403, said(error="You have reached your custom fields limit"))) is PlanLimit
    edge = error_of(403, HTML, {"Content-Type": "text/html"})
    assert isinstance(edge, Blocked)
    assert edge.after == 1800


def test_a_refusal_tells_status_code_and_words() -> None:
    error = error_of(400, said(error="'person_id' is a read-only field", code="ERR_BAD_REQUEST"))
    assert isinstance(error, Rejected)
    assert (error.status, error.code) == (400, "ERR_BAD_REQUEST")
    assert "read-only" in str(error)
    hook = error_of(400, said(status="error", errors={"subscription_url": ["invalid or non-reachable URL"]}))
    assert "non-reachable" in str(hook)


def test_a_refusal_does_not_repeat_the_words_that_were_sent() -> None:
    sent = orjson.dumps(
        {"subject": "Rozmowa: Jan Żółć", "note": "tel. +48 601-000-001, jan@example.com", "type": "call"}
    )
    words = "subject 'Rozmowa: Jan Żółć' is too long; unknown number 601-000-001 of jan@example.com"
    answer = said(error=words, errors={"note": ["JAN ŻÓŁĆ"]})
    with pytest.raises(Rejected) as caught:
        wire.decipher(400, {}, answer, method="POST", sent=sent)
    told = str(caught.value)
    assert told.startswith("Pipedrive answered 400: subject '…: … …' is too long; unknown number …-…-…")
    assert not [word for word in ("Jan", "JAN", "Żółć", "ŻÓŁĆ", "601", "example") if word in told]
    assert "note" in told


@pytest.mark.parametrize(
    ("headers", "after"),
    [
        ({"Retry-After": "7", "x-ratelimit-reset": "2"}, 7),
        ({"Retry-After": "Sat, 22 Aug 2026 13:30:09 GMT", "Date": DATE}, 9),
        ({"Retry-After": "soon", "x-ratelimit-reset": "3"}, 3),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1"}, 1),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "0"}, 2),
        ({}, 2),
    ],
)
def test_a_burst_is_waited_out_as_long_as_the_answer_says(headers: dict[str, str], after: float) -> None:
    error = error_of(429, said(error="Request over limit"), headers)
    assert type(error) is Throttled
    assert error.after == after


@pytest.mark.parametrize(
    ("headers", "body", "after"),
    [
        ({"x-ratelimit-remaining": "79", "x-ratelimit-reset": "2", "Date": DATE}, b"{}", 1800),
        (
            {"x-ratelimit-remaining": "1", "Date": "Sat, 22 Aug 2026 23:59:00 GMT"},
            b"",
            900,
        ),
        ({"x-ratelimit-remaining": "1"}, b"{}", 3600),
        ({"x-ratelimit-remaining": "1", "Retry-After": "40000"}, b"{}", 40000),
        ({"Retry-After": "40000"}, b"{}", 40000),
        ({}, said(error="Daily request limit reached"), 3600),
    ],
)
def test_the_days_budget_is_told_from_a_burst(headers: dict[str, str], body: bytes, after: float) -> None:
    error = error_of(429, body, headers)
    assert type(error) is BudgetSpent
    assert error.after == after


@given(
    status=st.integers(100, 599),
    headers=st.dictionaries(
        st.sampled_from(
            ["Retry-After", "x-ratelimit-remaining", "x-ratelimit-reset", "Date", "Content-Type"]
        ),
        st.text(max_size=40) | st.sampled_from(["0", "1", "-1", "1e400", "nan", DATE]),
    ),
    body=st.binary(max_size=60)
    | st.recursive(
        st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=10),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    ["success", "error", "errors", "code", "errorCode", "error_info", "message", "data"]
                ),
                inner,
            )
        ),
        max_leaves=8,
    ).map(orjson.dumps),
    method=st.sampled_from(METHODS),
)
def test_every_answer_is_a_reply_or_one_of_our_errors(
    status: int, headers: dict[str, str], body: bytes, method: str
) -> None:
    try:
        assert isinstance(wire.decipher(status, headers, body, method=method), wire.Reply)
    except ConnectorError as error:
        done = status in wire.REFUSALS
        assert isinstance(error, UnknownOutcome) == (method != "GET" and not done)  # noqa: PT017
    with contextlib.suppress(ConnectorError):
        wire.decipher_token(status, headers, body)


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, said(error="Invalid grant: refresh_token is invalid"), Unauthorised),
        (400, b'{"error":"invalid_grant","error_description":"x"}', Unauthorised),
        (400, b"Invalid  Grant: authorization_code has expired", Unauthorised),
        (400, said(message="Invalid client: client_id or client_secret is invalid"), Misconfigured),
        (401, b'{"error":"invalid_client","error_description":"not an invalid_grant"}', Misconfigured),
        (400, said(error="Invalid request: redirect_uri does not match"), Misconfigured),
        (400, said(error="Missing parameter: grant_type"), Misconfigured),
        (500, b"Invalid grant", Unreachable),
        (503, b"", Unreachable),
        (200, b"{}", Unreachable),
        (200, b"", Unreachable),
        (403, HTML, Blocked),
        (429, b"{}", Throttled),
    ],
)
def test_errors_of_the_token_endpoint_are_told_apart_by_their_words(
    status: int, body: bytes, kind: type[ConnectorError]
) -> None:
    with pytest.raises(ConnectorError) as caught:
        wire.decipher_token(status, {}, body)
    assert type(caught.value) is kind
