"""Cases that only a person decides: shown with live values, decided once, and what waited goes on."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from connector.app import Service
from connector.errors import Misconfigured, NotFound
from connector.flows.contacts.answering import answer, questions
from connector.flows.contacts.kinds import CUSTOMERS
from connector.flows.contacts.pushing import Outcome, push
from connector.flows.contacts.reconciling import NOT_IN_CENTRE
from connector.flows.contacts.working import work_through
from connector.flows.indexing import refresh_organization
from connector.flows.lookup import Caller, Callers, Unnamed
from connector.store.dirty import Mark, Side, Urgency
from tests.flows.contacts.pairs import Desk, open_desk
from tests.flows.looking import forget_calls
from tests.world import World, settle_down

TWINS = [
    {"name": "Jan Próba", "phones": ["+48601000001"], "org": "Firma"},
    {"name": "Ewa Próba", "phones": ["+48 601 000 001"], "emails": ["ewa@example.com"]},
]
NUMBER = "601000001"


@pytest.fixture
async def desk(world: World, service: Service) -> AsyncIterator[Desk]:
    async with open_desk(world, service) as desk:
        yield desk


async def seed(desk: Desk, **more: Any) -> list[str]:
    made = await desk.world.seed_pipedrive(organizations=[{"name": "Firma"}], persons=TWINS, **more)
    tenant = await desk.tenant()
    await tenant.index.begin_anew()
    return [str(one) for one in made["persons"]]


async def a_customer(desk: Desk, **details: object) -> int:
    made = await desk.world.happen(
        "customer", **{"name": "Anna", "surname": "Nowak", "phone_number": NUMBER, **details}
    )
    return int(made["id"])


async def the_question(desk: Desk) -> dict[str, Any]:
    (one,) = await questions(await desk.tenant(), limit=20)
    return one


async def decide(desk: Desk, question: int, choice: str) -> Any:
    return await answer(await desk.tenant(), desk.service.operations, question, choice)


# customers


async def test_a_case_shows_who_it_is_about_and_every_candidate_as_they_are_now(desk: Desk) -> None:
    jan, ewa = await seed(desk)
    customer = await a_customer(desk)
    await desk.push_customer(customer)
    shown = await the_question(desk)
    assert (shown["kind"], shown["why"]) == ("customer", "2 have this number")
    assert shown["about"] == {
        "id": f"thulium:demo/{customer}", "name": "Anna Nowak", "phones": [NUMBER], "emails": [],
    }  # fmt: skip
    first, second = shown["candidates"]
    assert (first["name"], first["organization"]["name"]) == ("Jan Próba", "Firma")
    assert second == {
        "id": ewa, "name": "Ewa Próba", "phones": ["+48 601 000 001"], "emails": ["ewa@example.com"],
    }  # fmt: skip
    assert shown["choices"] == [jan, ewa, "new", "ignore"]


async def test_a_chosen_person_is_linked_and_his_events_are_written(desk: Desk) -> None:
    _, ewa = await seed(desk)
    customer = await a_customer(desk)
    await desk.world.happen("call", customer_id=customer, number="601999999")
    await desk.push_customer(customer)
    await settle_down(desk.service, await desk.tenant())
    assert await desk.world.activities() == []
    answered = await decide(desk, (await the_question(desk))["id"], ewa)
    assert answered.pushed.outcome is Outcome.LINKED
    await settle_down(desk.service, await desk.tenant())
    (activity,) = await desk.world.activities()
    assert str(activity["person_id"]) == ewa
    assert await questions(await desk.tenant(), limit=20) == []


async def test_a_customer_may_be_somebody_new_or_be_left_alone(desk: Desk) -> None:
    await seed(desk)
    first = await a_customer(desk)
    await desk.push_customer(first)
    assert (await decide(desk, (await the_question(desk))["id"], "new")).pushed.outcome is Outcome.MADE
    assert len(await desk.persons()) == 3

    second = await a_customer(desk, surname="Kowalska")
    await desk.push_customer(second)
    answered = await decide(desk, (await the_question(desk))["id"], "ignore")
    assert (answered.kept, answered.pushed) == (True, None)
    counts = await desk.push_customer(second)
    assert (counts["asked"], len(await desk.persons())) == (0, 3)


async def test_who_is_to_stay_by_himself_is_not_linked_from_the_other_side_either(desk: Desk) -> None:
    jan, _ = await seed(desk)
    customer = await a_customer(desk)
    await desk.push_customer(customer)
    await decide(desk, (await the_question(desk))["id"], "ignore")
    counts = await desk.push_person(int(jan))
    assert counts["linked"] == 0, counts
    assert len(await desk.customers()) == 1
    counts = await desk.push_person(int(jan), urgency=Urgency.BUTTON)
    assert counts["linked"] == 1, counts


async def test_whoever_pushes_a_record_that_is_to_stay_alone_is_asked_once_more(desk: Desk) -> None:
    jan, _ = await seed(desk)
    key = f"thulium:demo/{await a_customer(desk)}"
    tenant, operations = await desk.tenant(), desk.service.operations
    asked = (await push(tenant, operations, CUSTOMERS, Side.CENTRE, key)).question
    assert asked is not None
    await decide(desk, asked.id, "ignore")
    again = await push(tenant, operations, CUSTOMERS, Side.CENTRE, key)
    assert (again.outcome, again.question and again.question.id) == (Outcome.ASKED, asked.id)
    assert await questions(tenant, limit=20) == [], "nobody else is asked again"
    assert (await decide(desk, asked.id, jan)).pushed.outcome is Outcome.LINKED


async def test_pushing_a_customer_who_is_gone_says_so_although_he_was_asked_about(desk: Desk) -> None:
    await seed(desk)
    customer = await a_customer(desk)
    tenant, operations = await desk.tenant(), desk.service.operations
    assert (await push(tenant, operations, CUSTOMERS, Side.CENTRE, f"thulium:demo/{customer}")).question
    await desk.world.happen("customer_deleted", customer_id=customer)
    gone = await push(tenant, operations, CUSTOMERS, Side.CENTRE, f"thulium:demo/{customer}")
    assert (gone.outcome, gone.reason) == (Outcome.LEFT_OUT, NOT_IN_CENTRE)


async def test_pushing_a_companys_own_card_asks_which_organization_the_company_is(desk: Desk) -> None:
    twins = [{"name": "Dachy Próba"}, {"name": "DACHY PRÓBA"}]
    ids = (await desk.world.seed_pipedrive(organizations=twins))["organizations"]
    tenant, operations = await desk.tenant(), desk.service.operations
    for one in ids:
        await refresh_organization(tenant, str(one), gone=False)
    made = await desk.world.happen("company", name="Dachy Próba")
    card = f"thulium:demo/{made['customer_id']}"
    pushed = await push(tenant, operations, CUSTOMERS, Side.CENTRE, card)
    assert pushed.question is not None
    assert (pushed.outcome, pushed.question.subject) == (Outcome.ASKED, f"thulium:demo/{made['id']}")
    linked = (await decide(desk, pushed.question.id, str(ids[1]))).pushed
    assert [one.crm_id for one in linked.pairs] == [str(ids[1])]
    assert (await push(tenant, operations, CUSTOMERS, Side.CENTRE, card)).outcome is Outcome.IN_STEP


async def test_a_person_may_be_one_of_several_customers(desk: Desk) -> None:
    first, second = [await a_customer(desk, surname=name) for name in ("Nowak", "Kowalska")]
    made = await desk.world.seed_pipedrive(persons=[{"name": "Ewa", "phones": ["+48601000001"]}])
    (person,) = made["persons"]
    tenant = await desk.tenant()
    await tenant.dirty.mark(
        [Mark("customer", Side.PIPEDRIVE, str(person))], urgency=Urgency.HOOK, cause="test"
    )
    await work_through(tenant, desk.service.operations, limit=1)
    shown = await the_question(desk)
    assert (shown["kind"], shown["about"]["name"]) == ("person", "Ewa")
    assert {one["name"] for one in shown["candidates"]} == {"Anna Nowak", "Anna Kowalska"}
    assert (await decide(desk, shown["id"], str(second))).pushed.outcome is Outcome.LINKED
    assert await tenant.bindings.persons([f"thulium:demo/{one}" for one in (first, second)]) == {
        f"thulium:demo/{second}": str(person)
    }


async def test_a_customer_of_another_person_cannot_be_given_to_a_second_one(desk: Desk) -> None:
    customer = await a_customer(desk)
    await desk.push_customer(customer)
    (holder,) = await desk.persons()
    made = await desk.world.seed_pipedrive(persons=[{"name": "Ewa", "phones": ["+48601000001"]}])
    await desk.push_person(made["persons"][0])
    shown = await the_question(desk)
    assert shown["candidates"][0]["belongs_to"] == str(holder["id"])
    with pytest.raises(Misconfigured, match="Merge the two in Pipedrive"):
        await decide(desk, shown["id"], str(customer))


async def test_a_choice_that_there_is_not_is_refused_with_those_that_there_are(desk: Desk) -> None:
    jan, ewa = await seed(desk)
    await desk.push_customer(await a_customer(desk))
    question = (await the_question(desk))["id"]
    with pytest.raises(Misconfigured, match=f"'7000' is no choice here; choose one of {jan}, {ewa}, new"):
        await decide(desk, question, "7000")
    with pytest.raises(Misconfigured, match="There is no question 99"):
        await decide(desk, 99, "new")


# fields


ASK = {
    "customers": {
        "fields": [
            {"centre": "name", "pipedrive": "name", "conflict": "ask"},
            {"centre": "phones", "pipedrive": "phones", "conflict": "union"},
        ]
    }
}


async def in_conflict(world: World, desk: Desk) -> tuple[int, int]:
    customer = await a_customer(desk)
    await desk.push_customer(customer)
    [person] = await desk.persons()
    await world.happen("customer", customer_id=customer, surname="Lewa")
    await world.edit(entity="person", action="change", id=person["id"], changes={"name": "Anna Prawa"})
    await desk.push_customer(customer)
    return customer, person["id"]


@pytest.mark.parametrize(("choice", "name"), [("centre", "Anna Lewa"), ("pipedrive", "Anna Prawa")])
async def test_a_field_that_both_changed_is_what_was_chosen(
    world: World, service: Service, choice: str, name: str
) -> None:
    async with open_desk(world, service, **ASK) as desk:
        await in_conflict(world, desk)
        shown = await the_question(desk)
        assert shown["values"] == {"centre": "Anna Lewa", "pipedrive": "Anna Prawa"}
        assert (await decide(desk, shown["id"], choice)).pushed.outcome is Outcome.UPDATED
        [person], [customer] = await desk.persons(), await desk.customers()
        assert (person["name"], f"{customer['name']} {customer['surname']}") == (name, name)
        assert await questions(await desk.tenant(), limit=20) == []


async def test_an_answer_to_values_that_have_moved_is_void_and_said_so(
    world: World, service: Service
) -> None:
    async with open_desk(world, service, **ASK) as desk:
        customer, _ = await in_conflict(world, desk)
        question = (await the_question(desk))["id"]
        await world.happen("customer", customer_id=customer, surname="Inna")
        assert (await the_question(desk))["void"] is True
        answered = await decide(desk, question, "centre")
        assert not answered.kept
        assert answered.reason.startswith("Both sides have changed since this was asked")
        await desk.work()
        shown = await the_question(desk)
        assert shown["values"]["centre"] == "Anna Inna"
        [person] = await desk.persons()
        assert person["name"] == "Anna Prawa"


# numbers and addresses


async def test_a_number_of_several_persons_is_asked_once_and_decided_for_every_later_call(desk: Desk) -> None:
    jan, ewa = await seed(desk)
    await desk.world.happen("call", number=NUMBER)
    await desk.world.happen("call", number="48" + NUMBER)
    tenant = await desk.tenant()
    await settle_down(desk.service, tenant)
    assert (await tenant.ledger.counts())["undecided"] == 2
    shown = await the_question(desk)
    assert (shown["kind"], shown["why"]) == ("subject", "2 persons have it")
    assert [one["name"] for one in shown["candidates"]] == ["Jan Próba", "Ewa Próba"]
    assert shown["choices"] == [f"person:{jan}", f"person:{ewa}", "organization:ID", "ignore"]
    (asked,) = await tenant.questions.open()
    assert NUMBER not in asked.subject

    assert (await decide(desk, shown["id"], f"person:{ewa}")).events == 2
    await desk.world.happen("call", number=NUMBER)
    await settle_down(desk.service, tenant)
    assert [str(one["person_id"]) for one in await desk.world.activities()] == [ewa] * 3
    callers = Callers(desk.service.clock)
    caller = await callers.name(tenant, NUMBER)
    await callers.close()
    assert isinstance(caller, Caller)
    assert caller.id == ewa

    # The same number tells who a customer is.
    customer = await a_customer(desk)
    counts = await desk.push_customer(customer)
    assert counts["linked"] == 1
    assert (await tenant.bindings.persons([f"thulium:demo/{customer}"])).popitem()[1] == ewa


async def test_a_number_may_be_an_organizations_or_nobodys(desk: Desk) -> None:
    await seed(desk)
    tenant = await desk.tenant()
    (firm,) = await desk.organizations()
    await desk.world.happen("call", number=NUMBER)
    await settle_down(desk.service, tenant)
    question = (await the_question(desk))["id"]
    await decide(desk, question, f"organization:{firm['id']}")
    await settle_down(desk.service, tenant)
    (activity,) = await desk.world.activities()
    assert (activity["person_id"], activity["org_id"]) == (None, firm["id"])

    await decide(desk, question, "ignore")
    await desk.world.happen("call", number=NUMBER)
    await settle_down(desk.service, tenant)
    assert len(await desk.world.activities()) == 1
    callers = Callers(desk.service.clock)
    assert await callers.name(tenant, NUMBER) is Unnamed.HIDDEN
    await callers.close()
    # Nor does it tell who a customer is.
    counts = await desk.push_customer(await a_customer(desk))
    assert counts["made in Pipedrive"] == 1


async def test_what_was_decided_in_another_process_counts_at_once(
    world: World, service: Service, desk: Desk
) -> None:
    _, ewa = await seed(desk)
    tenant = await desk.tenant()
    await world.happen("call", number=NUMBER)
    await settle_down(service, tenant)
    async with world.connector() as other:
        there = await other.tenant(desk.tenant_id)
        (asked,) = await there.questions.open()
        await answer(there, other.operations, asked.id, f"person:{ewa}")
    await settle_down(service, tenant)
    (activity,) = await world.activities()
    assert str(activity["person_id"]) == ewa


async def test_a_decision_for_a_person_who_is_gone_is_asked_again(desk: Desk) -> None:
    more = [{"name": "Ola", "phones": ["+48601000001"]}]
    made = await desk.world.seed_pipedrive(persons=more)
    (ola,) = made["persons"]
    await seed(desk)
    tenant = await desk.tenant()
    await desk.world.happen("call", number=NUMBER)
    await settle_down(desk.service, tenant)
    await decide(desk, (await the_question(desk))["id"], f"person:{ola}")
    await settle_down(desk.service, tenant)
    await desk.world.edit(entity="person", action="delete", id=ola)
    await desk.push_person(ola)
    await tenant.index.begin_anew()
    await desk.world.happen("call", number=NUMBER)
    await settle_down(desk.service, tenant)
    shown = await the_question(desk)
    assert len(shown["candidates"]) == 2


async def test_a_number_that_was_given_to_a_person_who_is_gone_tells_who_has_it_now(desk: Desk) -> None:
    jan, ewa = await seed(desk)
    tenant = await desk.tenant()
    await desk.world.happen("call", number=NUMBER)
    await settle_down(desk.service, tenant)
    await decide(desk, (await the_question(desk))["id"], f"person:{ewa}")
    await desk.world.edit(entity="person", action="delete", id=int(ewa))
    customer = await a_customer(desk)
    # Nobody told that she is gone: that is found out here.
    assert (await desk.push_customer(customer))["linked"] == 0
    assert (await desk.push_customer(customer))["linked"] == 1
    assert [str(one["id"]) for one in await desk.persons()] == [jan]


async def test_a_question_that_solves_itself_is_no_question_any_more(desk: Desk) -> None:
    jan, ewa = await seed(desk)
    tenant = await desk.tenant()
    await desk.world.happen("call", number=NUMBER)
    await settle_down(desk.service, tenant)
    assert len(await questions(tenant, limit=20)) == 1
    await desk.world.edit(entity="person", action="change", id=int(jan), changes={"phones": []})
    await desk.push_person(int(jan))
    await tenant.index.begin_anew()
    await settle_down(desk.service, tenant)
    (activity,) = await desk.world.activities()
    assert str(activity["person_id"]) == ewa
    assert await questions(tenant, limit=20) == []


async def test_only_a_record_that_there_is_can_be_named_for_a_number(desk: Desk) -> None:
    await seed(desk)
    tenant = await desk.tenant()
    await desk.world.happen("call", number=NUMBER)
    await settle_down(desk.service, tenant)
    question = (await the_question(desk))["id"]
    with pytest.raises(NotFound, match="Pipedrive has no person 999999"):
        await decide(desk, question, "person:999999")
    with pytest.raises(Misconfigured, match="is no choice here"):
        await decide(desk, question, "everybody")


async def test_a_call_of_a_companys_own_card_hangs_on_the_organization_alone(desk: Desk) -> None:
    company = await desk.world.happen("company", name="Próba sp. z o.o.")
    await desk.push_company(company["id"])
    [organization] = await desk.organizations()
    (card,) = [one for one in await desk.world.cards() if one["company_flag"]]
    await desk.world.happen("call", customer_id=card["customer_id"], number="601777777")
    await settle_down(desk.service, await desk.tenant())
    (activity,) = await desk.world.activities()
    assert (activity["person_id"], activity["org_id"]) == (None, organization["id"])


async def test_showing_many_questions_reads_no_more_than_was_asked_for(desk: Desk) -> None:
    await seed(desk)
    for surname in ("A", "B", "C"):
        await desk.push_customer(await a_customer(desk, surname=surname))
    await forget_calls(desk.world, "pipedrive")
    assert len(await questions(await desk.tenant(), limit=2)) == 2
    # Both candidates and the organization of one, each once.
    assert len(await desk.world.calls("pipedrive")) == 3
