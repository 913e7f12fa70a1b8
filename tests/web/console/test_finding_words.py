"""What checks find is read in the reader's language."""

from __future__ import annotations

import pytest

from connector.contact_settings import FieldMapping, Transform, Way
from connector.flows.checking import NO_ADDRESS
from connector.flows.contacts.pairing import pair_up
from connector.flows.rules import People, nobodies
from connector.i18n import translator
from connector.installation_settings import InstallationSettings
from connector.pipedrive.credentials import REFUSED
from connector.pipedrive.records import Field
from connector.records import Agent
from connector.web.console.finding_words import finding, findings


@pytest.mark.parametrize("language", ["en", "pl"])
def test_what_the_settings_name_and_nobody_knows_is_said_in_words(language: str) -> None:
    settings = InstallationSettings(agent_users={"anna": "7", "nobody": "8"}, fallback_owner="9")
    people = People(agents={("thulium:demo", "anna"): Agent("anna", "Anna")})
    found = nobodies(settings, people)
    assert len(found) == 4
    words, rest = findings(found, translator(language))
    assert rest == ""
    assert ("Agenci" in words) is (language == "pl")
    assert "anna" in words


def test_what_another_system_answered_stays_as_it_is() -> None:
    words, rest = findings([NO_ADDRESS, "webhooks: Pipedrive answered 500"], translator("pl"))
    assert words.startswith("Łącznik nie ma")
    assert rest == "webhooks: Pipedrive answered 500"


def test_no_command_line_is_shown_to_an_administrator() -> None:
    sentence = "customers and companies: 3 fields are not carried over: connector contacts"
    assert finding(sentence, translator("en")) == "Pairs of which a field is not carried over: 3."


@pytest.mark.parametrize(
    "reason",
    [
        REFUSED,
        "Pipedrive does not accept the personal API token",
        "Pipedrive no longer accepts this grant: connect Pipedrive again",
        "Thulium does not know this API user or password",
    ],
)
def test_why_a_system_lets_nobody_in_is_said_without_a_command(reason: str) -> None:
    said = finding(reason, translator("pl"))
    assert said
    assert "connector" not in said
    assert said != finding(reason, translator("en"))


def test_a_row_that_means_nothing_is_said_without_the_paths_of_the_settings() -> None:
    fields = [
        Field("1" * 40, "Twice", "text", custom=True, options={}),
        Field("2" * 40, "Twice", "text", custom=True, options={}),
        Field("3" * 40, "Maker's", "user", custom=True, options={}),
        Field("4" * 40, "Note", "text", custom=True, options={}),
    ]
    rows = [
        FieldMapping(centre="custom:a", pipedrive=f"custom:{name}", way=Way.TO_PIPEDRIVE, transform=transform)
        for name, transform in (("Gone", None), ("Twice", None), ("Maker's", None), ("Note", Transform.LABEL))
    ]
    _, problems = pair_up(rows, fields, company=False)
    assert len(problems) == 4
    sentences = [f"contacts.customers.fields, {one.field}: {one.reason}" for one in problems]
    words, rest = findings(sentences, translator("pl"))
    assert rest == ""
    for said in ("nie ma pola niestandardowego „Gone”", "„Twice”", "„Maker's” to pole typu user", "„Note”"):
        assert said in words
    assert "contacts." not in words


@pytest.mark.parametrize(
    ("sentence", "polish", "rest"),
    [
        (
            "person: the field 'Contact centre ID' could not be made: no room",
            "Pipedrive nie pozwolił utworzyć pola „Contact centre ID”.", "no room",
        ),
        (
            "the special fields could not be made, which is tried again by night: Pipedrive answered 500",
            "Nie udało się utworzyć pól specjalnych.", "Pipedrive answered 500",
        ),
        (
            "contacts.customers.fields could not be compared with Pipedrive's: Pipedrive answered 500",
            "Nie udało się porównać wierszy", "Pipedrive answered 500",
        ),
        (
            "agents and users could not be compared with those that there are: Thulium answered 500",
            "Nie udało się porównać agentów", "Thulium answered 500",
        ),
        (
            "thulium:demo: tickets does not work: chats",
            "Uprawnienie „tickets” nie działa. Do czego służy: czaty.", "",
        ),
    ],
)  # fmt: skip
def test_what_saving_finds_is_said_in_words_with_what_the_other_system_answered(
    sentence: str, polish: str, rest: str
) -> None:
    words, told = findings([sentence], translator("pl"))
    assert words.startswith(polish)
    assert told == rest
