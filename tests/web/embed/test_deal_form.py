"""What agents write into the form of a new deal, and how it is taken."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from connector.flows.deals.catalogue import Catalogue
from connector.i18n import translator
from connector.installation_settings import Deals
from connector.pipedrive.records import Pipeline, Stage
from connector.web.embed.deal_form import first_values, offered_stages, read_amount, read_deal, read_values
from connector.web.showing import Show

CATALOGUE = Catalogue(
    pipelines=[Pipeline("1", "Sales", 1, is_deleted=False), Pipeline("2", "Service", 2, is_deleted=False)],
    stages=[
        Stage("11", "New", "1", 1, is_deleted=False),
        Stage("12", "Won over", "1", 2, is_deleted=False),
        Stage("21", "Asked", "2", 1, is_deleted=False),
    ],
    users={"7": "Zenon", "8": "Anna"},
    names={"7": "Zenon", "8": "Anna"},
    whole_company="3",
)
_ = translator("en")


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("1200", "1200"), ("1200.5", "1200.5"), ("1200,50", "1200.50"), ("1 200,50", "1200.50"),
        ("1\xa0200,50", "1200.50"), ("1,200.50", "1200.50"), ("1.200,50", "1200.50"), ("1,234,567", "1234567"),
        ("1.234.567,8", "1234567.8"), ("0", "0"),
    ],
)  # fmt: skip
def test_an_amount_is_read_as_it_is_written_here_or_there(written: str, meant: str) -> None:
    assert read_amount(written) == Decimal(meant)


@pytest.mark.parametrize(
    "unclear",
    ["lots", "-5", "1,234", "1.234", "12,34,56", "1.2.3,4", "1,200,50.5", "١٢٣", "1e5", ".", "9" * 20],
)
def test_what_could_mean_two_amounts_is_not_guessed(unclear: str) -> None:
    assert read_amount(unclear) is None


def test_the_pipeline_and_stage_of_the_settings_are_offered_first() -> None:
    settings = Deals(pipeline="2")
    assert [name for name, _ in offered_stages(CATALOGUE, settings)] == ["Service", "Sales"]
    assert first_values(CATALOGUE, settings, "8", "Title")["stage"] == "21"
    assert first_values(CATALOGUE, Deals(stage="12"), "8", "Title")["stage"] == "12"
    assert first_values(CATALOGUE, Deals(stage="99"), "8", "Title")["stage"] == "11"


def test_the_agents_own_user_is_offered_first() -> None:
    assert first_values(CATALOGUE, Deals(), "7", "x")["owner"] == "7"
    assert first_values(CATALOGUE, Deals(), None, "x")["owner"] == "", "nobody is made the owner unasked"


def test_the_pipeline_follows_from_the_stage() -> None:
    sent = {"title": " Two\n words ", "stage": "21", "owner": "7", "value": "5", "currency": "pln"}
    wanted, errors = read_deal(read_values(sent), CATALOGUE, _)
    assert not any(errors.values())
    assert (wanted.title, wanted.pipeline_id, wanted.stage_id) == ("Two words", "2", "21")
    assert (wanted.value, wanted.currency) == (Decimal(5), "PLN")


def test_everything_that_is_wrong_is_said_at_once() -> None:
    gone = replace(CATALOGUE, stages=[])
    sent = {"title": "x" * 256, "stage": "11", "owner": "9", "value": "1,234", "currency": "złote"}
    _wanted, errors = read_deal(read_values(sent), gone, _)
    assert {name for name, error in errors.items() if error} == {
        "title",
        "stage",
        "owner",
        "value",
        "currency",
    }


def test_amounts_are_shown_in_the_agents_language() -> None:
    polish, english = (Show(one, ZoneInfo("Europe/Warsaw"), translator(one)) for one in ("pl", "en"))
    assert polish.money(Decimal("1200.5"), "PLN") == "1\xa0200,50\xa0zł"
    assert english.money(Decimal("1200.5"), "PLN") == "PLN\xa01,200.50"
    assert polish.totals({"PLN": Decimal(2), "EUR": Decimal(1)}) == "1,00\xa0€ · 2,00\xa0zł"
    assert english.money(None, "PLN") == english.money(Decimal(0), None) == "–"
