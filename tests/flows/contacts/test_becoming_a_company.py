"""A customer of whom somebody makes a company in the contact centre is as good as gone: the card is the company's from then on."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from connector.sandbox.thulium.crm import tell_change
from connector.sandbox.thulium.state import Company
from tests.flows.contacts.both_sides import CENTRE, COMPANY, CUSTOMER, PIPEDRIVE, Ref
from tests.flows.contacts.histories import Player, opened
from tests.flows.contacts.steps import Habits


@pytest.fixture
async def player(tmp_path: Path) -> AsyncIterator[Player]:
    async with opened(tmp_path, Habits()) as player:
        yield player


async def a_customer(player: Player) -> Ref:
    values = {"first": "Jan", "name": "Próba", "phones": ["601 000 001"], "emails": [], "company": None}
    customer = player.sides.make(CENTRE, CUSTOMER, values)
    await player.deliver()
    return customer


def make_a_company(player: Player, customer: Ref) -> Ref:
    system, card = player.day.system, player.sides.card(customer[2])
    card.company_flag, card.company_id, card.updated_at = True, system.new_id("company"), system.now()
    system.companies[card.company_id] = Company(card.company_id, card)
    with player.sides.acting():
        tell_change(system, "CUSTOMER_UPDATED", card)
    return CENTRE, COMPANY, card.company_id


async def test_his_person_stays_and_the_company_gets_an_organization(player: Player) -> None:
    customer = await a_customer(player)
    company = make_a_company(player, customer)
    await player.deliver()
    [person] = player.sides.alive(PIPEDRIVE, CUSTOMER)
    [organization] = player.sides.alive(PIPEDRIVE, COMPANY)
    assert player.sides.counterpart(company) == organization
    player.sides.change(person, "name", "Nowak")
    await player.deliver()
    assert player.sides.name(company) == "Jan Próba"


async def test_who_has_his_number_is_not_taken_for_the_company(player: Player) -> None:
    customer = await a_customer(player)
    company = make_a_company(player, customer)
    await player.deliver()
    values = {"first": "Ewa", "name": "Nowak", "phones": ["601 000 001"], "emails": [], "company": None}
    player.sides.make(PIPEDRIVE, CUSTOMER, values)
    await player.deliver()
    assert [player.sides.name(one) for one in player.sides.alive(CENTRE, CUSTOMER)] == ["Ewa Nowak"]
    assert player.sides.name(company) == "Jan Próba"


async def test_a_twin_of_his_takes_his_place_at_once(player: Player) -> None:
    customer, twin = await a_customer(player), await a_customer(player)
    [person] = player.sides.alive(PIPEDRIVE, CUSTOMER)
    player.sides.change(twin, "phones", ["601 000 001", "601 000 002"])
    make_a_company(player, customer)
    await player.deliver()
    await player.deliver()
    assert len(player.sides.lists(person, "phones")) == 2


async def test_an_edit_of_his_person_writes_nothing_into_the_company(player: Player) -> None:
    customer = await a_customer(player)
    [person] = player.sides.alive(PIPEDRIVE, CUSTOMER)
    company = make_a_company(player, customer)
    player.sides.told.clear()
    player.sides.change(person, "name", "Nowak")
    await player.deliver()
    assert player.sides.name(company) == "Jan Próba"
    assert player.sides.alive(CENTRE, CUSTOMER) == []


async def test_the_nightly_scan_finds_it_out_when_nobody_told(player: Player) -> None:
    customer = await a_customer(player)
    make_a_company(player, customer)
    player.sides.told.clear()
    await player.scan()
    await player.work()
    bindings = (await player.tenant()).bindings
    assert (await bindings.counts())["customer"] == {"gone": 1}
