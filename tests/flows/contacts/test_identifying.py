"""Whoever is taken for the same is the only one who could be; everything else is a question or a new record."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.app import Service
from connector.flows.contacts.identifying import Identity, Nobody, Same, Unclear, find_person
from connector.flows.contacts.kinds import COMPANIES, CUSTOMERS
from connector.flows.indexed import indexed_crm
from connector.flows.tenant import Tenant
from connector.pipedrive.records import Entry, Organization, Person
from connector.records import Company, Customer
from connector.store.index import Entity, Indexable
from tests.flows.contacts.pairs import open_desk
from tests.world import World

NUMBERS = ("601000001", "601000002", "601000003")
EMAILS = ("jan@example.com", "ewa@example.com")


@dataclass(frozen=True)
class Someone:
    """A person or customer of a drawn case: the number of those that he has."""

    numbers: frozenset[str]
    emails: frozenset[str]


someone = st.builds(
    Someone,
    st.frozensets(st.sampled_from(NUMBERS), max_size=2),
    st.frozensets(st.sampled_from(EMAILS), max_size=1),
)


def person(number: int, one: Someone) -> Person:
    written = [f"+48 {n[:3]} {n[3:6]} {n[6:]}" for n in sorted(one.numbers)]
    return Person(
        id=str(number), name=f"Osoba {number}", org_id=None, owner_id=None,
        phone_entries=tuple(map(Entry, written)), email_entries=tuple(Entry(e.upper()) for e in sorted(one.emails)),
        update_time=None, is_deleted=False, custom_fields={}, label_ids=(), add_time=None,
    )  # fmt: skip


def expected(people: list[Someone], customer: Someone) -> Identity:
    """The rule in its plainest form: the first of the two ways that anybody answers decides, and only one may."""
    for how, of in (("email", "emails"), ("number", "numbers")):
        ids = [str(n) for n, one in enumerate(people, 1) if getattr(one, of) & getattr(customer, of)]
        if len(ids) == 1:
            return Same(ids[0], how)
        if ids:
            return Unclear(tuple(ids), f"{len(ids)} have this {how}")
    return Nobody()


@pytest.fixture
async def tenant(world: World, service: Service) -> AsyncIterator[Tenant]:
    async with open_desk(world, service) as desk:
        yield await desk.tenant()


async def test_a_unique_address_decides_then_a_unique_number_and_nobody_is_guessed(tenant: Tenant) -> None:
    loop = asyncio.get_running_loop()

    async def identify(people: list[Someone], customer: Someone) -> Identity:
        gone = [Indexable(Entity.PERSON, str(n), gone=True) for n in range(1, 6)]
        await tenant.index.put(gone)
        await tenant.index.put([indexed_crm(tenant, person(n, one)) for n, one in enumerate(people, 1)])
        card = Customer("7", "Jan", "Próba", tuple(sorted(customer.numbers)), tuple(sorted(customer.emails)))
        return await find_person(tenant, CUSTOMERS, "thulium:demo", card)

    @settings(max_examples=150, deadline=None)
    @given(st.lists(someone, max_size=5), someone)
    def check(people: list[Someone], customer: Someone) -> None:
        found = asyncio.run_coroutine_threadsafe(identify(people, customer), loop).result(10)
        wanted = expected(people, customer)
        if isinstance(found, Unclear) and isinstance(wanted, Unclear):
            assert set(found.candidates) == set(wanted.candidates)
        else:
            assert found == wanted

    await asyncio.to_thread(check)


@pytest.mark.parametrize(
    ("there", "here", "same"),
    [
        ("ACME Sp. z o.o.", "acme", True),
        ("Próba S.A.", "PRÓBA  sa", True),
        ("Próba i Syn", "Próba", False),
        ("Żółw", "Zolw", False),
    ],
)
async def test_companies_are_the_same_by_their_name_but_for_case_and_legal_form(
    tenant: Tenant, there: str, here: str, same: bool
) -> None:
    organization = Organization(
        id="5", name=there, owner_id=None, update_time=None, is_deleted=False, custom_fields={}, website="",
        address="", label_ids=(), add_time=None,
    )  # fmt: skip
    await tenant.index.put([indexed_crm(tenant, organization)])
    found = await find_person(tenant, COMPANIES, "thulium:demo", Company("3", here))
    assert found == (Same("5", "name") if same else Nobody())
