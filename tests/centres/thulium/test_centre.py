"""The adapter against a simulated Thulium on a real socket: rights, the directory, dialling, subscriptions."""

from __future__ import annotations

import pytest

from connector.centres import ContactCentre
from connector.errors import Forbidden, NotFound, Rejected, Retryable, Unauthorised, UnknownOutcome
from connector.records import Queue, QueueKind
from tests.centres.simulated import Simulated
from tests.centres.thulium.reading import HOUR, every, generated


async def test_all_rights_of_a_full_user_work(thulium: ContactCentre) -> None:
    rights = await thulium.check()
    assert [right.name for right in rights if not right.works] == []
    assert {"connections", "tickets", "chats", "customers", "webhooks"} <= {right.name for right in rights}


async def test_a_missing_right_is_named_with_what_fails_without_it(simulated: Simulated) -> None:
    rights = {
        name: ["*"]
        for name in ("agents", "queues", "connections", "topics", "tickets", "customers", "webhooks")
    }
    await simulated.control("users", {"login": "narrow", "password": "p", "rights": rights})
    centre = simulated.centre(user="narrow", password="p")
    missing = [right for right in await centre.check() if not right.works]
    assert [right.name for right in missing] == [
        "chats",
        "companies",
        "customer_field_groups",
        "customer_field_group_items",
        "PUT companies/:id",
        "PUT customer_field_group_items/:id",
        "DELETE customer_field_group_items/:id",
    ]
    assert missing[0].needed_for == "chats"
    assert "403" in missing[0].detail
    with pytest.raises(Forbidden):
        await every(centre.chats(HOUR))


async def test_a_wrong_password_is_told_at_once(simulated: Simulated) -> None:
    with pytest.raises(Unauthorised):
        await simulated.centre(password="wrong").check()


async def test_nobody_at_the_other_end_is_no_missing_right(simulated: Simulated) -> None:
    centre = simulated.centre()
    await simulated.server.close()
    with pytest.raises(Retryable):
        await centre.check()


@pytest.mark.parametrize("named_ids", [False, True])
async def test_the_directory_is_read(simulated: Simulated, named_ids: bool) -> None:
    await simulated.switch(named_ids=named_ids)
    centre = simulated.centre()
    await simulated.seed(
        agents=[
            {
                "login": "z.nowy",
                "name": "Zbigniew",
                "surname": "Nowy",
                "email": "z@example.com",
                "active": False,
            }
        ],
        outbounds={"00009": "Odnowienia"},
        chat_queues={"2": "Sklep"},
    )
    agents = {agent.id: agent for agent in await centre.agents()}
    assert (agents["z.nowy"].name, agents["z.nowy"].email, agents["z.nowy"].active) == (
        "Zbigniew Nowy",
        "z@example.com",
        False,
    )
    queues = await centre.queues()
    assert Queue("00009", "Odnowienia", QueueKind.CAMPAIGN) in queues
    assert Queue("2", "Sklep", QueueKind.CHAT) in queues
    assert {queue.kind for queue in queues} == set(QueueKind)
    assert "Reklamacja" in (await centre.topics()).values()


async def test_queues_that_the_user_may_not_see_are_left_out(simulated: Simulated) -> None:
    await simulated.control("users", {"login": "narrow", "password": "p", "rights": {"queues": ["*"]}})
    assert {queue.kind for queue in await simulated.centre(user="narrow", password="p").queues()} == {
        QueueKind.CALL
    }


@pytest.mark.parametrize("enveloped", [False, True])
@pytest.mark.parametrize("second_email", [False, True])
async def test_customers_and_companies_are_read_in_either_envelope(
    simulated: Simulated, enveloped: bool, second_email: bool
) -> None:
    await simulated.switch(customers_envelope=enveloped, second_email=second_email)
    await simulated.seed(
        customers=[
            {
                "surname": f"Żak {n}",
                "name": "Ewa",
                "phone_number": [f"6010{n:05}"],
                "email": [f"e{n}@example.com", "x@example.com"],
            }
            for n in range(120)
        ],
        companies=[{"name": "Piekarnia", "phone_number": "221234568", "nip": "0000000000"}],
    )
    centre = simulated.centre()
    customers = {customer.id: customer for customer in await every(centre.customers())}
    ewa = next(customer for customer in customers.values() if customer.last_name == "Żak 7")
    assert (ewa.first_name, ewa.phones) == ("Ewa", ("601000007",))
    assert ewa.emails == (("e7@example.com", "x@example.com") if second_email else ("e7@example.com",))
    assert await centre.customer(ewa.id) == ewa
    (company,) = await every(centre.companies())
    assert (company.name, company.tax_id) == ("Piekarnia", "0000000000")
    assert await centre.company(company.id) == company
    assert len(customers) >= 120


async def test_a_record_that_does_not_exist_is_none(thulium: ContactCentre) -> None:
    assert await thulium.customer("999999") is None
    assert await thulium.company("999999") is None


async def test_a_failed_lookup_is_never_an_absent_record(simulated: Simulated) -> None:
    await simulated.fault(kind="status_before", status=502, times=None)
    with pytest.raises(Retryable):
        await simulated.centre().customer("1")


async def test_an_agent_is_rung_with_our_tag(simulated: Simulated) -> None:
    await simulated.centre().dial("anna.nowak", "+48601000001", tag="c-17")
    dialled = (await simulated.state())["dialled"]
    assert isinstance(dialled, list)
    assert len(dialled) == 1
    assert "+48601000001" in str(dialled)
    assert "c-17" in str(dialled)


async def test_an_agent_that_does_not_exist_is_told(thulium: ContactCentre) -> None:
    with pytest.raises(NotFound):
        await thulium.dial("nobody/../x", "+48601000001")


@pytest.mark.parametrize("kind", ["status_after", "reset_after"])
async def test_a_dial_whose_answer_is_lost_is_unknown_and_not_repeated(
    simulated: Simulated, kind: str
) -> None:
    await simulated.fault(kind=kind, method="POST")
    with pytest.raises(UnknownOutcome):
        await simulated.centre().dial("anna.nowak", "+48601000001")
    assert [call.method for call in simulated.requests()].count("POST") == 1


async def test_a_subscription_is_made_listed_and_ended(thulium: ContactCentre) -> None:
    url = "https://connector.example.com/hooks/centre/1"
    made = await thulium.subscribe(url, user="hook", password="secret")
    assert (made, url) in await thulium.subscriptions()
    await thulium.unsubscribe(made)
    await thulium.unsubscribe(made)
    assert await thulium.subscriptions() == []


async def test_a_subscription_whose_answer_is_lost_is_unknown(simulated: Simulated) -> None:
    centre = simulated.centre()
    await simulated.fault(kind="empty_body", method="POST", path="webhooks")
    with pytest.raises(UnknownOutcome):
        await centre.subscribe("https://connector.example.com/h", user="u", password="p")
    with pytest.raises(Rejected):
        await centre.subscribe("no address", user="u", password="p")


async def test_requests_keep_to_the_limit_of_the_account(simulated: Simulated) -> None:
    await simulated.seed(generate=generated(250, call=1.0))
    centre = simulated.centre(thulium_requests_per_second=2)
    await every(centre.calls(HOUR))
    assert sum(simulated.clock.slept) == pytest.approx(1.0, abs=0.2)
