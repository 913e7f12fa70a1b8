"""Customers, companies, agents, queues and topics as the vendor's pages show them."""

from __future__ import annotations

from connector.centres.thulium import directory
from connector.records import Agent, Company, Customer, Queue, QueueKind
from tests.centres.thulium.rows import WALL, row


def test_topics_are_read_in_groups_and_under_either_name() -> None:
    topics = directory.read_topics([row("queues_id_topics.json")["topic_groups"][0]])
    assert topics == {"96": "Nowe zamówienie", "97": "Pytanie o fakturę"}
    assert directory.read_topics([{"topic_id": "5", "topic_name": "A"}, {"id": 6, "name": "B"}, {}]) == {
        "5": "A",
        "6": "B",
    }


def test_a_documented_customer_is_read_without_any_pesel() -> None:
    found = directory.read_customer(row("customers_id.json"), WALL)
    assert found == Customer(
        id="12",
        first_name="Ewa",
        last_name="Żak",
        phones=("601000001", "22 123 45 67"),
        emails=("ewa@example.com",),
        owner_agent_id="anna.nowak",
        type="Klient",
        group="Detal",
        custom={"ID": None, "Dodatkowe informacje": "Woli kontakt rano"},
    )
    assert "00000000000" not in repr(found)


def test_several_addresses_of_a_customer_are_read_in_every_shape() -> None:
    def emails(**fields: object) -> tuple[str, ...]:
        found = directory.read_customer({"customer_id": 1, **fields}, WALL)
        assert found is not None
        return found.emails

    assert emails(email=["a@example.com", "b@example.com"]) == ("a@example.com", "b@example.com")
    assert emails(email="a@example.com", emails=["a@example.com", {"email": "b@example.com"}]) == (
        "a@example.com",
        "b@example.com",
    )
    assert emails(emails=[{"value": "c@example.com"}, {}, None]) == ("c@example.com",)


def test_a_documented_company_is_read() -> None:
    assert directory.read_company(row("companies_id.json"), WALL) == Company(
        id="31",
        name="Piekarnia Przykład",
        phones=("22 123 45 68",),
        emails=("biuro@example.com",),
        tax_id="0000000000",
        customer_id="40",
        owner_agent_id="jan.kowalski",
        type="Klient",
    )


def test_agents_and_queues_are_read_under_any_name_of_their_id() -> None:
    assert directory.read_agent(row("agents_login.json")) == Agent(
        "anna.nowak", "Anna Nowak", "anna.nowak@example.com"
    )
    assert directory.read_agent({"login": "x", "active": "0"}) == Agent("x", "x", active=False)
    assert directory.read_queue({"id": 1, "name": "A"}, QueueKind.CALL) == Queue("1", "A", QueueKind.CALL)
    assert directory.read_queue({"ticket_queue_id": "2"}, QueueKind.TICKET) == Queue(
        "2", "2", QueueKind.TICKET
    )
    assert directory.read_queue({"outbound_id": "00001", "name": "C"}, QueueKind.CAMPAIGN) == Queue(
        "00001", "C", QueueKind.CAMPAIGN
    )
    assert directory.read_queue({"name": "A"}, QueueKind.CALL) is None
