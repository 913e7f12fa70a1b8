"""What checks find is read in the reader's language."""

from __future__ import annotations

import pytest

from connector.flows.checking import NO_ADDRESS
from connector.flows.rules import People, nobodies
from connector.i18n import translator
from connector.installation_settings import InstallationSettings
from connector.pipedrive.credentials import REFUSED
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
