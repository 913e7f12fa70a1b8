from datetime import UTC, datetime

import pytest

from connector.contact_settings import Scope
from connector.flows.contacts.scoping import takes_part
from connector.phone import Phones
from connector.pipedrive.records import Organization, Person
from connector.records import Company, Customer
from tests.flows.contacts.people import organization, person

POLISH = Phones("PL")
JAN = Customer("1", "Jan", "Kowalski", ("601 000 001",), type="Klient", group="VIP", owner_agent_id="anna")
AT = datetime(2026, 11, 1, tzinfo=UTC)
Record = Customer | Company | Person | Organization
BY_DEFAULT = Scope()
EVERYONE = Scope(named=False, reachable=False)


def left_out(record: Record, scope: Scope = BY_DEFAULT, created_at: datetime | None = None) -> str | None:
    return takes_part(record, scope, POLISH, created_at=created_at)


def test_a_named_customer_with_a_number_takes_part() -> None:
    assert left_out(JAN) is None
    assert left_out(person(name="Jan Kowalski", emails=["jan@example.com"])) is None


def test_a_companys_own_record_is_no_person_whatever_the_scope() -> None:
    assert left_out(Customer("1", "", "Firma", is_company=True), EVERYONE) == "it is a company's own record"


@pytest.mark.parametrize(
    "record",
    [Customer("1", "", " "), Customer("1", "", "601000001"), Company("1", " "), person(name="601 000 001")],
)
def test_the_nameless_are_left_out(record: Record) -> None:
    assert left_out(record) == "it has no name"
    assert left_out(record, EVERYONE) is None


@pytest.mark.parametrize(
    "record",
    [
        Customer("1", "Jan", "Kowalski", ("112",), ("jan at example",)),
        Company("1", "Firma"),
        person(name="Jan Kowalski", phones=["wewn. 12"]),
    ],
)
def test_those_who_cannot_be_reached_are_left_out(record: Record) -> None:
    reason = left_out(record)
    assert reason is not None
    assert "no telephone number" in reason
    assert left_out(record, EVERYONE) is None


def test_nothing_is_asked_of_an_organizations_numbers() -> None:
    assert left_out(organization(name="3")) is None


def test_only_records_made_since_then_take_part_where_that_is_known() -> None:
    scope = Scope(created_after=AT)
    assert left_out(JAN, scope, datetime(2026, 10, 31, tzinfo=UTC)) == "it is older than 2026-11-01 00:00 UTC"
    assert left_out(JAN, scope, AT) is None
    assert left_out(JAN, scope, None) is None


@pytest.mark.parametrize(
    ("scope", "reason"),
    [
        (Scope(types=("Klient",)), None),
        (Scope(types=("Dostawca",)), "its type is not among those chosen"),
        (Scope(groups=("VIP", "Nowi")), None),
        (Scope(groups=("Nowi",)), "its group is not among those chosen"),
        (Scope(owners=("anna",)), None),
        (Scope(owners=("piotr",)), "its owner is not among those chosen"),
        (Scope(labels=("7",)), None),
    ],
)
def test_a_customer_is_chosen_by_type_group_and_owner(scope: Scope, reason: str | None) -> None:
    assert left_out(JAN, scope) == reason


@pytest.mark.parametrize(
    ("scope", "reason"),
    [
        (Scope(labels=("7", "8")), None),
        (Scope(labels=("8",)), "none of its labels is among those chosen"),
        (Scope(owners=("12",)), None),
        (Scope(owners=("13",)), "its owner is not among those chosen"),
        (Scope(types=("Klient",), groups=("VIP",)), None),
    ],
)
def test_a_person_is_chosen_by_label_and_owner(scope: Scope, reason: str | None) -> None:
    jan = person(name="Jan Kowalski", phones=["601 000 001"], label_ids=("7",), owner_id="12")
    assert left_out(jan, scope) == reason
