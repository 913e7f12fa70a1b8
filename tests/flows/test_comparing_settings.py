"""What differs between two documents of settings is told by its place; a file goes out without secrets and comes in judged."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from connector.flows.comparing_settings import PRESENT, Refused, compare, export, take_in
from connector.installation_settings import InstallationSettings

SHIPPED = InstallationSettings()
NAME = {"centre": "name", "pipedrive": "name"}
GROUP = {"centre": "group", "pipedrive": "custom:Group", "way": "to_pipedrive"}


def read(**document: Any) -> InstallationSettings:
    return InstallationSettings.model_validate(document)


def told(before: InstallationSettings, after: InstallationSettings) -> dict[str, tuple[str, str]]:
    return {".".join(one.path): (one.before, one.after) for one in compare(before, after)}


def test_the_same_document_differs_in_nothing() -> None:
    assert compare(read(payload_days=7), read(payload_days=7)) == []


def test_a_value_is_told_by_its_path() -> None:
    assert told(SHIPPED, read(payload_days=7, calls={"type": None})) == {
        "payload_days": ("30", "7"),
        "calls.type": ("call", ""),
    }


def test_a_row_is_known_by_its_fields_wherever_it_stands() -> None:
    before = read(contacts={"customers": {"fields": [NAME, GROUP]}})
    assert told(before, read(contacts={"customers": {"fields": [GROUP, NAME]}})) == {}
    changed = told(before, read(contacts={"customers": {"fields": [GROUP | {"way": "both"}, NAME]}}))
    assert changed == {"contacts.customers.fields.group – custom:Group.way": ("to_pipedrive", "both")}


def test_a_row_that_is_new_is_there_as_a_whole() -> None:
    before = read(contacts={"customers": {"fields": [NAME]}})
    found = told(before, read(contacts={"customers": {"fields": [NAME, GROUP]}}))
    assert found["contacts.customers.fields.group – custom:Group"] == ("", PRESENT)
    assert found["contacts.customers.fields.group – custom:Group.way"] == ("", "to_pipedrive")


def test_a_direction_that_is_switched_off_is_not_there() -> None:
    found = told(SHIPPED, read(contacts={"customers": {"to_centre": None}}))
    assert found["contacts.customers.to_centre"] == (PRESENT, "")


def test_two_exceptions_of_one_kind_are_told_apart() -> None:
    case = {"direction": "inbound", "result": "failed"}
    found = told(SHIPPED, read(calls={"cases": [case | {"type": "call"}, case | {"type": "task"}]}))
    assert found["calls.cases.inbound – failed.type"] == ("", "call")
    assert found["calls.cases.inbound – failed (2).type"] == ("", "task")


def test_what_was_exported_is_taken_in_again() -> None:
    settings = read(payload_days=7, contacts={"customers": {"fields": [NAME, GROUP]}})
    assert take_in(export(settings), SHIPPED) == settings


def test_the_address_of_alerts_is_no_part_of_a_file_and_stays() -> None:
    settings = read(alerts={"webhook": "https://alerts.example.com/secret-path"})
    file = export(settings)
    assert b"secret-path" not in file
    assert take_in(file, settings) == settings
    assert take_in(file, SHIPPED) == SHIPPED


@pytest.mark.parametrize(
    ("document", "path"),
    [
        ("", ()),
        ("[]", ()),
        ("{", ()),
        ('{"payload_days": 0}', ("payload_days",)),
        ('{"colour": "red"}', ("colour",)),
        ('{"alerts": "loud"}', ("alerts",)),
        (orjson.dumps({"contacts": {"customers": {"fields": [{"centre": "name"}]}}}), ("contacts", "customers", "fields", "0", "pipedrive")),
    ],
)  # fmt: skip
def test_a_file_that_means_nothing_is_refused_by_place(document: str, path: tuple[str, ...]) -> None:
    refused = take_in(document, SHIPPED)
    assert isinstance(refused, list)
    assert [one.path for one in refused] == [path]
    assert all(isinstance(one, Refused) and one.reason for one in refused)
