"""An installation's document: what is refused, and what the defaults mean."""

from __future__ import annotations

import json
from zoneinfo import ZoneInfo

import pytest
from pydantic import ValidationError

from connector.installation_settings import InstallationSettings
from connector.records import CallResult, Direction


def _read(document: dict[str, object]) -> InstallationSettings:
    return InstallationSettings.model_validate_json(json.dumps(document))


def test_an_empty_document_is_the_product_as_shipped() -> None:
    settings = _read({})
    assert settings == InstallationSettings()
    assert settings.tz == ZoneInfo("Europe/Warsaw")
    assert settings.messages.types == {"email": "email"}
    assert (settings.deal_rule, settings.live, settings.payload_days) == ("one_open", False, 30)


def test_what_is_saved_reads_the_same_again() -> None:
    settings = _read(
        {
            "language": "pl",
            "zone": "Asia/Kathmandu",
            "phone_region": "NP",
            "calls": {"cases": [{"direction": "outbound", "result": "failed", "type": None}]},
            "agent_users": {"anna.nowak": "12"},
            "links": {"ticket": "https://demo.example.com/t/{id}"},
        }
    )
    assert InstallationSettings.model_validate_json(settings.model_dump_json()) == settings
    [case] = settings.calls.cases
    assert (case.direction, case.result, case.type) == (Direction.OUTBOUND, CallResult.FAILED, None)


@pytest.mark.parametrize(
    ("document", "named"),
    [
        ({"colour": "red"}, "colour"),
        ({"calls": {"typ": "call"}}, "calls.typ"),
        (
            {
                "calls": {
                    "cases": [{"direction": "inbound", "result": "answered", "type": "call", "queue": "1"}]
                }
            },
            "queue",
        ),
        ({"links": {"chats": "https://example.com/{id}"}}, "links.chats"),
        ({"special_fields": {"unknown": "x"}}, "special_fields.unknown"),
    ],
)
def test_a_key_that_does_not_exist_is_refused_by_name(document: dict[str, object], named: str) -> None:
    with pytest.raises(ValidationError) as refusal:
        _read(document)
    assert named in str(refusal.value)


@pytest.mark.parametrize(
    "document",
    [
        {"version": 2},
        {"language": "de"},
        {"zone": "Europe/Atlantis"},
        {"zone": "../../etc/passwd"},
        {"zone": ""},
        {"phone_region": "pl"},
        {"phone_region": "Poland"},
        {"dial_out_prefix": "+48"},
        {"dial_out_prefix": "1234567"},
        {"calls": {"minimum_seconds": -1}},
        {"calls": {"cases": [{"direction": "sideways", "result": "answered", "type": None}]}},
        {"calls": {"cases": [{"direction": "inbound", "result": "busy", "type": None}]}},
        {"calls": {"cases": [{"direction": "inbound", "result": "answered"}]}},
        {"messages": {"types": ["email"]}},
        {"queues": [{"kind": "fax", "queue": "1", "type": None}]},
        {"queues": [{"kind": "call", "queue": "", "type": None}]},
        {"queues": [{"kind": "call", "queue": "1"}]},
        {"deal_rule": "newest"},
        {"agent_users": {"anna.nowak": 12}},
        {"payload_days": 0},
        {"payload_days": 366},
        {"links": {"ticket": "https://example.com/tickets/"}},
        {"links": {"ticket": "javascript:alert('{id}')"}},
        {"links": {"ticket": "//example.com/{id}"}},
    ],
    ids=json.dumps,
)
def test_a_value_that_makes_no_sense_is_refused(document: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        _read(document)


def test_the_refusal_of_zone_region_and_link_says_what_to_write() -> None:
    with pytest.raises(ValidationError) as refusal:
        _read({"zone": "Warsaw", "phone_region": "Poland", "links": {"call": "https://example.com"}})
    said = str(refusal.value)
    assert "Europe/Warsaw" in said
    assert "two capital letters such as PL" in said
    assert "a web address that contains {id}" in said


def test_a_type_may_be_emptied_which_leaves_its_events_out() -> None:
    settings = _read({"calls": {"type": None}, "chats": {"type": None}, "messages": {"types": {}}})
    assert (settings.calls.type, settings.chats.type, settings.messages.types) == (None, None, {})


def test_a_document_cannot_be_changed_in_place() -> None:
    with pytest.raises(ValidationError):
        InstallationSettings().zone = "UTC"  # type: ignore[misc]
