import json
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.errors import Rejected
from connector.pipedrive import mapping
from connector.pipedrive.records import Entry
from connector.records import ActivityDraft

FIXTURES = Path(__file__).parents[1] / "fixtures" / "pipedrive"
AT = datetime(2026, 8, 22, 13, 5, 40, tzinfo=UTC)
DRAFT = ActivityDraft(
    subject="Rozmowa",
    type="call",
    due=AT,
    note="<b>x</b>",
    owner_id="12",
    person_id="101",
    org_id="7",
    deal_id="55",
    duration_s=61,
)


def fixture(name: str) -> Any:
    return json.loads((FIXTURES / name).read_bytes())


def odd_properties(name: str) -> st.SearchStrategy[dict[str, object]]:
    """Properties of a fixture, but for its id, with values that the vendor never promised."""
    odd = [
        st.none(),
        st.booleans(),
        st.integers(),
        st.text(max_size=5),
        st.just([None]),
        st.just({"a": None}),
    ]
    return st.dictionaries(st.sampled_from(sorted(fixture(name).keys() - {"id"})), st.one_of(odd))


def test_a_draft_becomes_the_body_that_v2_takes() -> None:
    assert mapping.activity_body(DRAFT) == {
        "subject": "Rozmowa",
        "type": "call",
        "owner_id": 12,
        "note": "<b>x</b>",
        "done": True,
        "busy": False,
        "due_date": "2026-08-22",
        "due_time": "13:05",
        "duration": "00:02",
        "participants": [{"person_id": 101, "primary": True}],
        "org_id": 7,
        "deal_id": 55,
    }


def test_missing_links_and_durations_are_left_out() -> None:
    body = mapping.activity_body(replace(DRAFT, person_id=None, org_id=None, deal_id=None, duration_s=0))
    assert not {"participants", "person_id", "org_id", "deal_id", "duration"} & set(body)


def test_an_untimed_activity_has_a_date_alone() -> None:
    body = mapping.activity_body(replace(DRAFT, timed=False))
    assert (body["due_date"], body.keys() & {"due_time", "duration"}) == ("2026-08-22", set())


def test_date_and_time_move_to_utc_together() -> None:
    late = datetime(2026, 8, 23, 0, 30, tzinfo=ZoneInfo("Europe/Warsaw"))
    body = mapping.activity_body(replace(DRAFT, due=late))
    assert (body["due_date"], body["due_time"]) == ("2026-08-22", "22:30")


@pytest.mark.parametrize(
    ("seconds", "text"), [(1, "00:01"), (60, "00:01"), (61, "00:02"), (3600, "01:00"), (200_000, "23:59")]
)
def test_started_minutes_count(seconds: int, text: str) -> None:
    assert mapping.activity_body(replace(DRAFT, duration_s=seconds))["duration"] == text


@pytest.mark.parametrize("record_id", ["", "x", "1.5", "-1", "1/../2", "²"])
def test_what_is_no_id_of_theirs_is_never_sent(record_id: str) -> None:
    with pytest.raises(Rejected):
        mapping.number(record_id)


def test_an_activity_is_read() -> None:
    activity = mapping.activity(fixture("activity.json"))
    assert (activity.id, activity.person_id, activity.org_id, activity.deal_id) == ("31", "101", "7", None)
    assert (activity.due, activity.timed, activity.duration_s) == (AT.replace(second=0), True, 240)
    assert activity.update_time == datetime(2026, 8, 22, 13, 5, 2, tzinfo=UTC)
    assert activity.done
    assert activity.note == "<b>Kolejka:</b> Sprzedaż"


def test_the_primary_participant_is_the_person_where_none_is_named() -> None:
    row = fixture("activity.json") | {"person_id": None, "due_time": None, "duration": ""}
    activity = mapping.activity(row)
    assert activity.person_id == "101"
    assert (activity.due, activity.timed, activity.duration_s) == (
        datetime(2026, 8, 22, tzinfo=UTC),
        False,
        None,
    )


@given(st.dictionaries(st.sampled_from(sorted(fixture("activity.json").keys() - {"id"})), st.none()))
def test_any_property_of_an_activity_may_be_null(nulls: dict[str, None]) -> None:
    assert mapping.activity(fixture("activity.json") | nulls).id == "31"


def test_a_person_is_read_with_the_numbers_as_typed() -> None:
    person = mapping.person(fixture("person.json"))
    assert person.phones == ("+48 601 000 001", "12 345 67 89")
    assert person.emails == ("zofia@example.com",)
    assert person.custom_fields == {"0123456789abcdef0123456789abcdef01234567": "77"}
    bare = mapping.person({"id": 3})
    assert (bare.name, bare.phones, bare.org_id, bare.update_time) == ("", (), None, None)


@pytest.mark.parametrize(
    ("phones", "read"),
    [
        (
            [None, {"value": "601000001"}, "x", {"label": "work"}, {"value": ["1"]}, {"value": True}],
            ("601000001",),
        ),
        ([{"value": 48601000001}], ("48601000001",)),
        ({"value": "601000001"}, ()),
        (5, ()),
    ],
)
def test_odd_numbers_of_a_person_leave_the_readable_ones(phones: object, read: tuple[str, ...]) -> None:
    assert mapping.person({"id": 3, "phones": phones, "emails": phones}).phones == read


@given(odd_properties("activity.json"))
def test_no_odd_property_makes_an_activity_unreadable(odd: dict[str, object]) -> None:
    activity = mapping.activity(fixture("activity.json") | odd)
    assert activity.id == "31"
    assert isinstance(activity.note, str)
    assert isinstance(activity.subject, str)


@given(odd_properties("person.json"))
def test_no_odd_property_makes_a_person_unreadable(odd: dict[str, object]) -> None:
    assert mapping.person(fixture("person.json") | odd).id == mapping.person(fixture("person.json")).id


def test_money_is_exact() -> None:
    deal = mapping.deal({"id": 1, "title": "A", "status": "open", "value": 1000.1, "currency": "PLN"})
    assert deal.value == Decimal("1000.1")
    assert mapping.deal({"id": 1, "value": None}).value is None


def test_a_deal_is_read_with_what_an_agent_is_shown() -> None:
    deal = mapping.deal(
        {
            "id": 1,
            "title": "Umowa",
            "status": "open",
            "add_time": "2026-08-22T13:05:40Z",
            "probability": 62.5,
            "visible_to": "7",
            "creator_user_id": {"id": 12, "name": "Anna"},
        }
    )
    assert (deal.add_time, deal.probability) == (AT, Decimal("62.5"))
    assert (deal.visible_to, deal.creator_user_id) == ("7", "12")
    bare = mapping.deal({"id": 1})
    assert (bare.add_time, bare.probability, bare.visible_to, bare.creator_user_id) == (None,) * 4


@given(odd_properties("deal.json"))
def test_no_odd_property_makes_a_deal_unreadable(odd: dict[str, object]) -> None:
    deal = mapping.deal(fixture("deal.json") | odd)
    assert (deal.id, type(deal.title), type(deal.status)) == ("55", str, str)


@pytest.mark.parametrize(("value", "sent"), [("1200", 1200), ("1200.00", 1200), ("1200.5", 1200.5), ("0", 0)])
def test_money_is_sent_as_a_number(value: str, sent: float) -> None:
    number = mapping.amount(Decimal(value))
    assert (number, type(number)) == (sent, type(sent))


def test_an_admin_is_known_by_global_access_or_by_the_older_flag() -> None:
    row = fixture("me.json")
    me = mapping.me(row)
    assert (me.user_id, me.company_id, me.language, me.is_admin) == ("11", "8087566", "pl", True)
    assert not mapping.me(row | {"access": [{"app": "sales", "admin": True}]}).is_admin
    assert mapping.me(row | {"access": None, "is_admin": 1}).is_admin


def test_a_user_is_active_unless_switched_off_or_deleted() -> None:
    row = {"id": 1, "name": "A", "email": "a@example.com", "active_flag": True, "is_deleted": False}
    assert mapping.user(row).active
    assert not mapping.user(row | {"active_flag": False}).active
    assert not mapping.user(row | {"is_deleted": True}).active


@pytest.mark.parametrize(
    "text",
    ["2026-08-22T13:05:40Z", "2026-08-22T13:05:40.000Z", "2026-08-22 13:05:40", "2026-08-22T15:05:40+02:00"],
)
def test_times_of_both_versions_are_utc(text: str) -> None:
    assert mapping.moment(text) == AT


@pytest.mark.parametrize("value", [None, "", "soon", 5, {}, "0001-01-01T00:00:00+14:00"])
def test_what_is_no_time_is_none(value: object) -> None:
    assert mapping.moment(value) is None


def test_a_query_asks_in_whole_seconds() -> None:
    assert mapping.stamp(AT.replace(microsecond=5)) == "2026-08-22T13:05:40Z"


def test_of_several_primary_entries_only_the_first_stays_so() -> None:
    entries = (Entry("1", "work"), Entry("2", "", primary=True), Entry("3", "home", primary=True))
    assert mapping.entries_body(entries) == [
        {"value": "1", "label": "work", "primary": False},
        {"value": "2", "label": "work", "primary": True},
        {"value": "3", "label": "home", "primary": False},
    ]


def test_entries_keep_label_and_order_and_lose_what_has_no_value() -> None:
    read = mapping.person(
        {
            "id": 1,
            "phones": [{"value": 601000001, "label": None}, {"value": ""}, {"label": "x"}, None],
            "emails": [{"value": "a@example.com", "label": "home", "primary": True}],
            "label_ids": [3, 5],
        }
    )
    assert read.phone_entries == (Entry("601000001", "", primary=False),)
    assert read.email_entries == (Entry("a@example.com", "home", primary=True),)
    assert (read.phones, read.emails, read.label_ids) == (("601000001",), ("a@example.com",), ("3", "5"))


@pytest.mark.parametrize("address", [{"value": "Łódź", "country": None}, "Łódź"])
def test_an_address_is_one_text(address: object) -> None:
    assert mapping.organization({"id": 1, "address": address}).address == "Łódź"
