"""Reading what Thulium sends: lists, records, errors, webhooks."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.centres.thulium import wire
from tests.centres.simulated import fixture


@pytest.mark.parametrize(
    ("body", "rows", "total"),
    [
        (b'[{"a": 1}]', [{"a": 1}], None),
        (b'{"count": 7, "result": [{"a": 1}]}', [{"a": 1}], 7),
        (b'{"count": "7", "result": [{"a": 1}]}', [{"a": 1}], 7),
        (b'{"data": [{"a": 1}]}', [{"a": 1}], None),
        (b'{"count": 2, "result": {"0": {"a": 1}, "2": {"a": 2}}}', [{"a": 1}, {"a": 2}], 2),
        (b'{"topic_groups": [{"a": 1}], "custom_fields": []}', [{"a": 1}], None),
        (b"[]", [], None),
    ],
    ids=["bare", "result", "count as text", "data", "array with gaps", "groups", "empty"],
)
def test_a_list_is_read_in_any_envelope(body: bytes, rows: list[object], total: int | None) -> None:
    assert wire.read_page(body) == (rows, total)


@pytest.mark.parametrize(
    "body", [b"", b"null", b"{}", b'{"error": 1}', b"<html>", b'"text"', b'{"result": 1}']
)
def test_an_answer_without_a_list_is_never_an_empty_list(body: bytes) -> None:
    with pytest.raises(wire.Malformed):
        wire.read_page(body)


@pytest.mark.parametrize("body", [b'{"a": 1}', b'{"result": {"a": 1}}', b'{"data": {"a": 1}}', b'[{"a": 1}]'])
def test_a_record_is_read_in_any_envelope(body: bytes) -> None:
    assert wire.read_record(body) == {"a": 1}


def test_an_empty_record_is_nothing_only_where_that_is_expected() -> None:
    assert wire.read_record(b"[]") is None
    assert wire.read_record_or_nothing(b"") is None
    assert wire.read_record_or_nothing(b" null ") is None
    with pytest.raises(wire.Malformed):
        wire.read_record(b"")


def test_broken_text_is_mended_instead_of_losing_the_page() -> None:
    assert wire.read_page(b'[{"name": "\\ud83d"}]').rows == [{"name": "?"}]
    assert wire.read_page(b'[{"name": "\xff"}]').rows == [{"name": "\ufffd"}]


def test_an_error_answer_is_told_with_codes_and_request_id() -> None:
    told = wire.read_error(fixture("error.json"))
    assert told == "Duplicated customer name. (code 111111); Wrong number. (code 111112); request 5f1c0a7e"


@pytest.mark.parametrize("body", [b"", b"<html>502</html>", b"[]", b'{"errors": null}', b'{"errors": {}}'])
def test_an_answer_that_is_no_error_tells_nothing(body: bytes) -> None:
    assert wire.read_error(body) == ""


def test_a_webhook_is_read_as_form_and_as_json() -> None:
    form = wire.read_hook("application/x-www-form-urlencoded", fixture("CUSTOMER_UPDATED.txt").strip())
    assert form == [
        {
            "action": "CUSTOMER_UPDATED",
            "customer_id": "12",
            "company_id": "null",
            "date": "2026-09-04 12:19:43",
        }
    ]
    assert wire.read_hook("application/json", b'{"action": "X", "ticket_id": 3}') == [
        {"action": "X", "ticket_id": 3}
    ]
    assert wire.read_hook("", b'[{"action": "X"}, 5, {}]') == [{"action": "X"}]


@given(
    st.sampled_from(["application/json", "application/x-www-form-urlencoded", "text/plain", ""]), st.binary()
)
def test_no_webhook_body_upsets_the_reader(content_type: str, body: bytes) -> None:
    assert isinstance(wire.read_hook(content_type, body), list)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("1416225570.341", "1416225570.341"),
        (1416225570.341, "1416225570.341"),
        (12, "12"),
        (12.0, "12"),
        (" 00001 ", "00001"),
        ("", None),
        ("null", None),
        (None, None),
        (True, None),
        ([], None),
        ({}, None),
    ],
)
def test_ids_are_text_however_they_come(value: object, text: str | None) -> None:
    assert wire.text_of(value) == text


@pytest.mark.parametrize(
    ("value", "seconds"),
    [(129, 129), ("129", 129), ("", 0), (None, 0), ("123:33:44", 444_824), (12.6, 12), (-3, 0)],
)
def test_durations_are_whole_seconds(value: object, seconds: int) -> None:
    assert wire.seconds_of(value, "duration") == seconds
