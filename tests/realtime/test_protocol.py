"""Messages of the live line as JSON."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.realtime.protocol import (
    Agent,
    Bye,
    CallChanged,
    Calls,
    Candidate,
    Dial,
    Dialled,
    Hello,
    OpenDeal,
    Ping,
    Pong,
    Record,
    Refused,
    Unreadable,
    read,
    write,
)
from tests.web.lines import DIAL, a_call


def test_a_call_is_written_whole() -> None:
    call = a_call(
        state="ended", reason="answered", record=Record("deal", "12"), known=True,
        candidates=(
            Candidate("person", "7", "Jan Próba", "Próba sp. z o.o.", OpenDeal("12", "Dach"), "https://acme.pipedrive.com/person/7"),
        ),
        answered_at=datetime(2026, 3, 2, 9, 0, 9, tzinfo=UTC),
        ended_at=datetime(2026, 3, 2, 9, 1, 9, 999999, tzinfo=UTC), duration_s=60,
    )  # fmt: skip
    assert json.loads(write(CallChanged(call))) == {
        "type": "call",
        "call": {
            "id": "c-1", "direction": "out", "state": "ended", "reason": "answered", "number": "+48601000001",
            "number_shown": "+48 601 000 001", "record": {"entity": "deal", "id": "12"},
            "candidates": [
                {
                    "entity": "person", "id": "7", "name": "Jan Próba", "organization": "Próba sp. z o.o.",
                    "deal": {"id": "12", "title": "Dach"}, "link": "https://acme.pipedrive.com/person/7",
                },
            ],
            "known": True, "new_person": "", "began_at": "2026-03-02T09:00:05Z", "answered_at": "2026-03-02T09:00:09Z",
            "ended_at": "2026-03-02T09:01:09Z", "duration_s": 60, "link": "", "others": 0,
        },
    }  # fmt: skip


def test_every_other_message_has_its_type_and_its_keys() -> None:
    hello = Hello(
        Agent("Anna Nowak", "anna", "thulium:demo"),
        "Acme",
        "https://acme.pipedrive.com",
        ("acme.pipedrive.com",),
        "s1",
        datetime(2026, 3, 2, 9, 0, 4, 5, tzinfo=UTC),
    )
    assert json.loads(write(hello)) == {
        "type": "hello", "version": 1, "agent": {"name": "Anna Nowak", "login": "anna", "centre": "thulium:demo"},
        "company": "Acme", "pipedrive": "https://acme.pipedrive.com", "pipedrive_hosts": ["acme.pipedrive.com"],
        "server": "s1", "now": "2026-03-02T09:00:04Z",
    }  # fmt: skip
    assert json.loads(write(Calls((a_call(),))))["calls"][0]["id"] == "c-1"
    assert json.loads(write(Dialled("o-1", a_call()))).keys() == {"type", "id", "call"}
    assert json.loads(write(Refused("o-1", "too_often"))) == {
        "type": "refused",
        "id": "o-1",
        "reason": "too_often",
    }
    assert json.loads(write(Ping())) == {"type": "ping"}
    assert json.loads(write(Bye("revoked"))) == {"type": "bye", "reason": "revoked"}


def test_a_client_orders_a_call_and_says_that_it_is_there() -> None:
    order = Dial("o-1", "+48601000001", None, "link")
    assert read(json.dumps(DIAL)) == order
    on_a_page = DIAL | {"record": {"entity": "lead", "id": "adf21080-0e10-11eb-879b-05d71fb426ec"}}
    assert read(json.dumps(on_a_page)) == replace(
        order, record=Record("lead", "adf21080-0e10-11eb-879b-05d71fb426ec")
    )
    assert read(b'{"type": "pong", "and": "more"}') == Pong()


@pytest.mark.parametrize(
    "said",
    [
        "", "junk", "[]", "null", "7", '"dial"', "{}", '{"type": "hello"}', '{"type": ["dial"]}', '{"type":"pong"',
        b"\xff\xfe", "NaN", "[" * 5000, '{"type":"pong"}{"type":"pong"}',
    ],
)  # fmt: skip
def test_junk_is_no_message(said: str | bytes) -> None:
    with pytest.raises(Unreadable):
        read(said)


@pytest.mark.parametrize(
    "wrong",
    [
        {"id": None}, {"id": ""}, {"id": 7}, {"id": "a b"}, {"id": "x" * 65}, {"id": "ż"}, {"id": "a\n"},
        {"number": None}, {"number": "  "}, {"number": 601000001}, {"number": "1" * 257},
        {"record": []}, {"record": "person/7"}, {"record": {}}, {"record": {"entity": "user", "id": "7"}},
        {"record": {"entity": "person", "id": 7}}, {"record": {"entity": "person", "id": "../deals"}},
        {"record": {"entity": "person", "id": ""}}, {"source": "page"}, {"source": None}, {"source": ["link"]},
    ],
)  # fmt: skip
def test_an_order_with_a_wrong_part_is_no_message(wrong: dict[str, object]) -> None:
    with pytest.raises(Unreadable) as refused:
        read(json.dumps(DIAL | wrong))
    assert "601000001" not in str(refused.value)


@pytest.mark.parametrize("key", ["id", "number", "source"])
def test_an_order_with_a_part_missing_is_no_message(key: str) -> None:
    with pytest.raises(Unreadable):
        read(json.dumps({name: value for name, value in DIAL.items() if name != key}))


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text() | st.sampled_from(sorted(map(str, DIAL.values()))),
        lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.sampled_from(sorted(DIAL)), inner),
        max_leaves=20,
    )
)  # fmt: skip
def test_nothing_that_is_sent_fails_otherwise(said: object) -> None:
    try:
        heard = read(json.dumps(said))
    except Unreadable:
        return
    assert isinstance(heard, Dial | Pong)
