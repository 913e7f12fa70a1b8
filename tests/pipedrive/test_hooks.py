import base64
import contextlib
import time
import timeit
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.errors import ConnectorError, Forged, Rejected
from connector.pipedrive.hooks import authentic, parse_hook, read_hook

FIXTURES = Path(__file__).parents[1] / "fixtures" / "pipedrive"
CODE = "0123456789abcdef0123456789abcdef01234567"


def body(name: str) -> bytes:
    return (FIXTURES / name).read_bytes()


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def test_a_change_tells_what_changed_and_who_did_it() -> None:
    headers = {"Authorization": basic("hook", "ß-secret")}
    event = read_hook(headers, body("webhook-change-person.json"), user="hook", password="ß-secret")
    assert (event.entity, event.action, event.entity_id, event.company_id) == (
        "person",
        "change",
        "8",
        "8087566",
    )
    assert event.previous_keys == {"name", "phones", CODE}
    assert event.at == datetime(2026, 8, 22, 13, 5, 1, 375000, tzinfo=UTC)
    assert (event.webhook_id, event.user_id, event.change_source) == ("4710827", "12415231", "app")
    assert event.id == "5e1f7d3a-2b3c-4d5e-8f90-1a2b3c4d5e6f"


def test_a_change_tells_what_it_went_over_and_when() -> None:
    event = parse_hook(body("webhook-change-person.json"))
    assert (event.previous_phones, event.previous_emails) == ((), None)
    assert event.update_time == datetime(2026, 8, 22, 13, 5, 1, tzinfo=UTC)
    went = parse_hook(
        b'{"meta":{},"data":null,"previous":{"phones":[{"value":"1"},"2",{}],"emails":[{"value":"a@b.example"}]}}'
    )
    assert (went.previous_phones, went.previous_emails) == (("1", "2"), ("a@b.example",))
    assert went.update_time is None


def test_a_merge_names_the_survivor() -> None:
    event = parse_hook(body("webhook-delete-person-merged.json"))
    assert (event.action, event.entity_id, event.merged_to, event.merged_from) == ("delete", "8", "9", None)


def test_numbers_and_epochs_are_read_like_texts_and_dates() -> None:
    event = parse_hook(body("webhook-change-user.json"))
    assert (event.id, event.company_id, event.entity_id) == ("12415231", "8087566", "12415231")
    assert event.at == datetime.fromtimestamp(1787403901, UTC)
    assert event.previous_keys == frozenset()


@pytest.mark.parametrize("at", [b"1787403901000", b'"1787403901"', b"1787403901"])
def test_epochs_come_in_seconds_or_milliseconds(at: bytes) -> None:
    assert parse_hook(b'{"meta":{"timestamp":' + at + b"}}").at == datetime.fromtimestamp(1787403901, UTC)


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Basic",
        "Basic !!!",
        basic("hook", "wrong"),
        basic("other", "secret"),
        "Bearer x",
        "Basic żółć",
    ],
)
def test_what_lacks_the_credentials_is_forged(header: str | None) -> None:
    assert not authentic(header, "hook", "secret")
    headers = {} if header is None else {"Authorization": header}
    with pytest.raises(Forged):
        read_hook(headers, body("webhook-change-person.json"), user="hook", password="secret")


@pytest.mark.parametrize("raw", [b"", b"[]", b"null", b'{"meta":5}', b"{"])
def test_what_nobody_can_read_is_rejected(raw: bytes) -> None:
    with pytest.raises(Rejected):
        parse_hook(raw)


@given(st.binary(max_size=80))
def test_no_body_breaks_the_reader(raw: bytes) -> None:
    with contextlib.suppress(ConnectorError):
        parse_hook(raw)


def test_a_hook_is_checked_and_read_in_tens_of_microseconds() -> None:
    raw, header = body("webhook-change-person.json"), basic("hook", "secret")
    read = lambda: read_hook({"Authorization": header}, raw, user="hook", password="secret")  # noqa: E731
    best = min(timeit.repeat(read, timer=time.process_time, number=50, repeat=20)) / 50
    assert best < 60e-6  # about 10 on an idle core
