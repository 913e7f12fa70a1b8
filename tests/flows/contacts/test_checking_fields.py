"""What is wrong with a row is told before it is saved, where it is mended."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from connector.contact_settings import CustomerSync, FieldMapping
from connector.flows.contacts.checking_fields import mistakes
from connector.flows.contacts.known_fields import Known
from connector.phone import Phones
from connector.pipedrive.records import Field

PHONES = Phones("PL", "")
KNOWN = Known(
    centre=["Segment", "Points"],
    pipedrive=[
        Field("a" * 40, "Segment", "enum", True, {"1": "Key account", "2": "Regular"}),
        Field("b" * 40, "Points", "double", True, {}),
        Field("c" * 40, "Since", "date", True, {}),
        Field("d" * 40, "Price", "monetary", True, {}),
        Field("e" * 40, "Twice", "varchar", True, {}),
        Field("f" * 40, "twice", "varchar", True, {}),
        Field("name", "Name", "varchar", False, {}),
    ],
)


def told(*sure: str, **row: object) -> list[tuple[str, str]]:
    given = {"centre": "custom:Segment", "pipedrive": "custom:Segment"} | row
    rule = FieldMapping.model_validate(given)
    return [(one.part, one.wrong.value) for one in mistakes([rule], KNOWN, PHONES, company=False, sure=sure)]


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({}, []),
        ({"centre": "custom:  segment "}, []),
        ({"centre": "custom:Gone"}, [("centre", "not_in_centre")]),
        ({"pipedrive": "custom:Gone"}, [("pipedrive", "not_in_pipedrive")]),
        ({"pipedrive": "custom:Name"}, [("pipedrive", "not_in_pipedrive")]),
        ({"pipedrive": "custom:Twice"}, [("pipedrive", "several_in_pipedrive")]),
        ({"pipedrive": "custom:" + "f" * 40}, []),
        ({"pipedrive": "custom:Price"}, [("pipedrive", "not_written")]),
        ({"transform": "label"}, []),
        ({"pipedrive": "custom:Points", "transform": "label"}, [("transform", "no_choices")]),
        ({"pipedrive": "custom:Points", "transform": "date"}, [("transform", "cannot_fit")]),
        ({"pipedrive": "custom:Since", "transform": "number"}, [("transform", "cannot_fit")]),
        ({"pipedrive": "custom:Since", "transform": "date"}, []),
        ({"values": {"A": "Key account", "B": "regular"}}, []),
        ({"values": {"A": "Key", "B": "Regular", "C": "Key"}}, [("values", "unlisted")]),
        ({"values": {"A": "Key"}, "way": "to_centre"}, [("values", "unlisted")]),
        ({"pipedrive": "custom:Points", "values": {"A": "ten"}}, [("values", "value_unfit")]),
        ({"pipedrive": "custom:Points", "values": {"A": "10"}}, []),
        ({"default": "Regular"}, []),
        ({"default": "Nobody"}, [("default", "default_unfit")]),
        ({"default": "Nobody", "way": "to_centre"}, []),
        ({"default": "x", "transform": "constant", "way": "to_pipedrive"}, [("default", "default_unfit")]),
        ({"centre": "phones", "pipedrive": "phones", "transform": "e164"}, [("transform", "no_effect")]),
        ({"centre": "phones", "pipedrive": "phones", "values": {"1": "2"}}, [("values", "no_effect")]),
        ({"centre": "company", "pipedrive": "organization", "transform": "upper"}, [("transform", "no_effect")]),
        ({"centre": "owner", "pipedrive": "owner", "default": "Anna"}, [("default", "default_unfit")]),
    ],
)  # fmt: skip
def test_a_mistake_is_told_in_the_part_that_mends_it(
    row: dict[str, object], expected: list[tuple[str, str]]
) -> None:
    assert told(**row) == expected


def test_a_special_field_that_no_record_shows_is_believed_to_who_is_sure() -> None:
    assert told("Region", centre="custom:Region") == []


def test_what_could_not_be_read_is_not_judged() -> None:
    rule = FieldMapping(centre="custom:Gone", pipedrive="custom:Gone")
    assert mistakes([rule], Known(), PHONES, company=False) == []


@pytest.mark.parametrize(
    ("rows", "kind"),
    [
        ([{"centre": "phones", "pipedrive": "emails"}], "lists_apart"),
        ([{"centre": "company", "pipedrive": "name"}], "company_apart"),
        ([{"centre": "name", "pipedrive": "name", "conflict": "union"}], "union_of_one"),
        ([{"centre": "name", "pipedrive": "name", "transform": "constant"}], "constant_empty"),
        ([{"centre": "name", "pipedrive": "name", "transform": "constant", "default": "x"}], "constant_both_ways"),
        ([{"centre": "name", "pipedrive": "name"}, {"centre": "name", "pipedrive": "owner"}], "written_twice"),
        ([{"centre": "surname", "pipedrive": "name"}], "no_field"),
    ],
)  # fmt: skip
def test_what_the_document_refuses_is_known_by_its_kind(rows: list[dict[str, str]], kind: str) -> None:
    with pytest.raises(ValidationError) as refusal:
        CustomerSync.model_validate({"fields": rows})
    assert [error["type"] for error in refusal.value.errors()] == [kind]
