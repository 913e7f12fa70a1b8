"""Customers and companies as this vendor takes them, against its simulator; faults of answers on the wire."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from aioresponses import aioresponses

from connector.centres import CENTRES, Account, ContactCentre
from connector.errors import Forbidden, NotFound, NotSupported, Rejected, UnknownOutcome
from connector.records import Values
from connector.settings import Settings
from tests.centres.simulated import WARSAW, ImpatientClock, Simulated

BASE = "https://demo.thulium.com/api/"


@pytest.fixture
async def centre() -> AsyncIterator[ContactCentre]:
    settings = Settings.model_validate({"thulium_requests_per_second": 0})
    centre = CENTRES["thulium"](Account("demo", "api", "p", WARSAW), settings, ImpatientClock())
    yield centre
    await centre.close()


async def found(thulium: ContactCentre, **wanted: str) -> list[str]:
    return [card.last_name for card in await thulium.find_customers(**wanted)]  # type: ignore[arg-type]


async def test_a_number_is_found_in_whatever_form_it_is_kept(
    simulated: Simulated, thulium: ContactCentre
) -> None:
    forms = ("+48601000001", "48601000001", "601000001")
    await simulated.seed(customers=[{"surname": form, "phone_number": form} for form in forms])
    await simulated.seed(customers=[{"surname": "other", "phone_number": "601000002"}])
    assert await found(thulium, number="+48601000001") == list(forms)
    assert await found(thulium, number="+48601000009") == []
    assert await found(thulium, number="not a number") == []


async def test_a_form_of_a_number_that_is_refused_is_no_form_of_that_system(
    simulated: Simulated, thulium: ContactCentre
) -> None:
    await simulated.seed(customers=[{"surname": "Żak", "phone_number": "601000001"}])
    await simulated.fault(kind="status_before", status=400, path="phone_number=%2B", times=None)
    assert await found(thulium, number="+48601000001") == ["Żak"]
    await simulated.fault(kind="status_before", status=400, path="phone_number=", times=None)
    with pytest.raises(Rejected):
        await found(thulium, number="+48601000001")


async def test_an_address_is_compared_without_case(simulated: Simulated, thulium: ContactCentre) -> None:
    await simulated.seed(
        customers=[
            {"surname": "Żak", "email": "ewa@example.com"},
            {"surname": "Ćwik", "email": "Ewa@Example.com"},
        ]
    )
    assert await found(thulium, email="Ewa@Example.com") == ["Ćwik", "Żak"]


async def test_a_special_field_finds_its_customer_whether_number_or_text(
    simulated: Simulated, thulium: ContactCentre
) -> None:
    await simulated.seed(
        customers=[
            {"surname": "Żak", "custom_fields": {"Pipedrive ID": 7}},
            {"surname": "Ćwik", "custom_fields": {"Pipedrive ID": "71"}},
        ]
    )
    for value, name in (("7", "Żak"), ("71", "Ćwik")):
        cards = await thulium.find_customers(custom=("Pipedrive ID", value))
        assert [card.last_name for card in cards] == [name]


async def test_a_filter_that_changes_nothing_is_not_believed(
    simulated: Simulated, thulium: ContactCentre
) -> None:
    await simulated.seed(
        customers=[{"surname": f"Żak {n}", "email": f"z{n}@example.com"} for n in range(150)]
    )
    await simulated.switch(ignored_filters=True)
    assert await found(thulium, email="z140@example.com") == ["Żak 140"]
    assert await found(thulium, email="z999@example.com") == []
    assert len(simulated.requests()) == 4
    await simulated.seed(customers=[{"surname": f"Ćwik {n}"} for n in range(100)])
    with pytest.raises(NotSupported, match="does not filter customers by email"):
        await thulium.find_customers(email="z999@example.com")


async def test_a_read_only_field_is_filled(simulated: Simulated, thulium: ContactCentre) -> None:
    link = "https://crm.example.com/person/7"
    made = await thulium.create_customer({"last_name": "Żak", "custom:Pipedrive": link})
    company = await thulium.create_company({"name": "Zakład Śrub"})
    await thulium.update_company(company, {"custom:Pipedrive": link})
    card, employer = await thulium.customer(made), await thulium.company(company)
    assert card is not None
    assert employer is not None
    assert card.custom["Pipedrive"] == employer.custom["Pipedrive"] == link
    await thulium.update_customer(made, {"custom:Pipedrive": ""})
    emptied = await thulium.customer(made)
    assert emptied is not None
    assert emptied.custom["Pipedrive"] is None
    await simulated.switch(read_only_customer_fields="ignore")
    await thulium.update_customer(made, {"custom:Pipedrive": link})
    unfilled = await thulium.customer(made)
    assert unfilled is not None
    assert unfilled.custom["Pipedrive"] is None


async def test_a_double_name_is_refused_in_the_vendors_words_and_without_the_name(
    simulated: Simulated, thulium: ContactCentre
) -> None:
    await simulated.switch(unique_names=True)
    await thulium.create_customer({"first_name": "Ewa", "last_name": "Żak"})
    with pytest.raises(Rejected, match=r"Duplicated customer name\.") as refusal:
        await thulium.create_customer({"first_name": "Ewa", "last_name": "Żak"})
    assert "Żak" not in str(refusal.value)


@pytest.mark.parametrize("way", ["both", "single", "batch"])
async def test_a_customer_is_changed_by_the_way_that_the_system_knows(
    simulated: Simulated, thulium: ContactCentre, way: str
) -> None:
    made = await thulium.create_customer({"last_name": "Żak"})
    await simulated.switch(change_customers=way)
    for name in ("Ćwik", "Gęś"):
        await thulium.update_customer(made, {"last_name": name})
    card = await thulium.customer(made)
    assert card is not None
    assert card.last_name == "Gęś"
    writes = [call.target for call in simulated.requests() if call.method == "PUT"]
    single, batch = f"/demo/api/customers/{made}", "/demo/api/batch/customers"
    assert writes == ([single, batch, batch] if way == "batch" else [single, single])


async def test_what_a_batch_refuses_is_told(simulated: Simulated, thulium: ContactCentre) -> None:
    await simulated.switch(change_customers="batch", unique_names=True)
    await thulium.create_customer({"last_name": "Żak"})
    other = await thulium.create_customer({"last_name": "Ćwik"})
    with pytest.raises(Rejected, match=r"Duplicated customer name\."):
        await thulium.update_customer(other, {"last_name": "Żak"})
    with pytest.raises(NotFound):
        await thulium.update_customer("987654321", {"last_name": "Nikt"})


async def test_a_field_that_nobody_knows_is_refused_before_anything_is_sent(
    simulated: Simulated, thulium: ContactCentre
) -> None:
    with pytest.raises(Rejected, match="no field shoe_size"):
        await thulium.create_customer({"last_name": "Żak", "shoe_size": "42"})
    with pytest.raises(Rejected, match="no field last_name"):
        await thulium.create_company({"name": "Zakład Śrub", "last_name": "Żak"})
    assert simulated.requests() == []


async def test_a_missing_right_to_write_is_told(simulated: Simulated) -> None:
    rights = {"*": ["GET"]}
    await simulated.control("users", {"login": "reader", "password": "p", "rights": rights})
    centre = simulated.centre(user="reader", password="p")
    with pytest.raises(Forbidden):
        await centre.create_customer({"last_name": "Żak"})
    missing = [right.name for right in await centre.check() if not right.works]
    assert missing[:2] == ["PUT customers/:id", "PUT companies/:id"]
    assert len(missing) == 6


async def test_trying_the_rights_writes_nothing(simulated: Simulated, thulium: ContactCentre) -> None:
    assert all(right.works for right in await thulium.check())
    state = await simulated.state()
    assert (state["customers"], state["companies"]) == (0, 0)


@pytest.mark.parametrize(
    ("answer", "made"),
    [
        (b'{"customer_id": 12}', "12"),
        (b'{"customer_id": "12"}', "12"),
        (b'{"id": 12}', "12"),
        (b'{"result": {"customer_id": 12}}', "12"),
        (b'[{"customer_id": 12}]', "12"),
    ],
)
async def test_the_id_of_a_new_customer_is_read_from_any_shape(
    centre: ContactCentre, answer: bytes, made: str
) -> None:
    with aioresponses() as vendor:
        vendor.post(BASE + "customers", status=201, body=answer)
        assert await centre.create_customer({"last_name": "Żak"}) == made


@pytest.mark.parametrize("answer", [b"", b"{}", b"[]", b"null", b"<html>", b'{"customer_id": ""}'])
async def test_an_answer_without_id_leaves_open_what_was_made(centre: ContactCentre, answer: bytes) -> None:
    with aioresponses() as vendor:
        vendor.post(BASE + "customers", status=201, body=answer)
        vendor.post(BASE + "companies", status=201, body=answer)
        with pytest.raises(UnknownOutcome):
            await centre.create_customer({"last_name": "Żak"})
        with pytest.raises(UnknownOutcome):
            await centre.create_company({"name": "Zakład Śrub"})


@pytest.mark.parametrize(
    "answer",
    [
        b'[{"errors": [{"message": "Duplicated customer name.", "code": 1}]}]',
        b'{"result": [{"customer_id": 1, "errors": ["Duplicated customer name."]}]}',
        b'{"1": {"error": "Duplicated customer name."}}',
        b'{"errors": {"0": {"message": "Duplicated customer name."}}}',
    ],
)
async def test_a_refused_row_of_a_batch_is_read_from_any_shape(centre: ContactCentre, answer: bytes) -> None:
    with aioresponses() as vendor:
        vendor.put(BASE + "customers/1", status=405)
        vendor.put(BASE + "batch/customers", body=answer)
        vendor.get(BASE + "customers/1?include_custom_fields=true", payload={"customer_id": 1})
        with pytest.raises(Rejected, match="Duplicated customer name"):
            await centre.update_customer("1", {"last_name": "Żak"})


@pytest.mark.parametrize(
    "answer", [b"", b"[]", b"{}", b'[{"customer_id": 1}]', b'{"count": 1, "errors": []}']
)
async def test_other_answers_of_a_batch_are_no_refusal(centre: ContactCentre, answer: bytes) -> None:
    with aioresponses() as vendor:
        vendor.put(BASE + "customers/1", status=405)
        vendor.put(BASE + "batch/customers", body=answer)
        await centre.update_customer("1", {"last_name": "Żak"})


async def test_a_refusal_repeats_no_names_and_numbers_that_were_sent(centre: ContactCentre) -> None:
    told = {"errors": [{"message": "Invalid number +48 601 000 001 of Ewa Żak", "code": 7}]}
    with aioresponses() as vendor:
        vendor.post(BASE + "customers", status=400, payload=told)
        with pytest.raises(Rejected) as refusal:
            await centre.create_customer(
                {"first_name": "Ewa", "last_name": "Żak", "phones": ("+48 601 000 001",)}
            )
    assert "Invalid number" in str(refusal.value)
    assert "Ewa" not in str(refusal.value)
    assert "601" not in str(refusal.value)


PEOPLE: list[Values] = [
    {"first_name": "Ewa", "last_name": f"Próba-{n}", "phones": (f"60100000{n}",)} for n in range(4)
]


async def test_a_series_makes_each_row_by_itself_and_names_what_was_refused(
    simulated: Simulated, thulium: ContactCentre
) -> None:
    await simulated.switch(unique_names=True)
    first, *rest = await thulium.create_customers([PEOPLE[0], PEOPLE[0], PEOPLE[1]])
    assert isinstance(first, str)
    assert isinstance(rest[0], Rejected)
    assert "Duplicated customer name" in str(rest[0])
    assert isinstance(rest[1], str)
    assert [card.last_name async for page in thulium.customers() for card in page] == ["Próba-0", "Próba-1"]


async def test_a_series_changes_each_row_by_itself(simulated: Simulated, thulium: ContactCentre) -> None:
    one, two = await thulium.create_customers(PEOPLE[:2])
    assert isinstance(one, str)
    assert isinstance(two, str)
    changes: list[tuple[str, Values]] = [
        (one, {"last_name": "Nowak"}),
        ("999", {"last_name": "Nikt"}),
        (two, {"phones": ()}),
    ]
    done = await thulium.update_customers(changes)
    assert [type(outcome) for outcome in done] == [type(None), Rejected, type(None)]
    found = {card.id: card async for page in thulium.customers() for card in page}
    assert (found[one].last_name, found[two].phones) == ("Nowak", ())


async def test_a_series_that_is_refused_as_a_whole_is_tried_in_halves(
    simulated: Simulated, thulium: ContactCentre
) -> None:
    await simulated.fault(kind="status_before", status=400, path="batch/customers", method="POST", times=2)
    done = await thulium.create_customers(PEOPLE)
    assert all(isinstance(outcome, str) for outcome in done)
    assert len([card async for page in thulium.customers() for card in page]) == len(PEOPLE)


async def test_a_system_without_series_is_asked_one_by_one(
    simulated: Simulated, thulium: ContactCentre
) -> None:
    await simulated.fault(kind="status_before", status=404, path="batch/customers", method="POST", times=1)
    done = await thulium.create_customers(PEOPLE[:2])
    assert all(isinstance(outcome, str) for outcome in done)
    again = await thulium.create_customers(PEOPLE[2:])
    assert all(isinstance(outcome, str) for outcome in again)


@pytest.mark.parametrize(
    "answer", ["", "{}", "[]", '[{"customer_id": 1}]', '[{"name": "Ewa"}, {"name": "Ewa"}]', "<html>"]
)
async def test_an_answer_that_no_row_can_be_told_from_leaves_all_in_doubt(
    centre: ContactCentre, answer: str
) -> None:
    with aioresponses() as web:
        web.post(BASE + "batch/customers", body=answer)
        done = await centre.create_customers(PEOPLE[:2])
    assert [type(outcome) for outcome in done] == [UnknownOutcome, UnknownOutcome]


@pytest.mark.parametrize(
    "answer",
    ['[{"customer_id": 7}, {"customer_id": 8}]', '{"result": [{"id": "7"}, {"id": "8"}]}', "[7, 8]"],
)
async def test_ids_are_read_from_any_series(centre: ContactCentre, answer: str) -> None:
    with aioresponses() as web:
        web.post(BASE + "batch/customers", body=answer)
        assert await centre.create_customers(PEOPLE[:2]) == ["7", "8"]


async def test_a_change_of_many_whose_error_names_no_row_is_in_doubt(centre: ContactCentre) -> None:
    with aioresponses() as web:
        web.put(BASE + "batch/customers", body='{"errors": [{"message": "Invalid value"}]}')
        done = await centre.update_customers([("7", {"last_name": "A"}), ("8", {"last_name": "B"})])
    assert [type(outcome) for outcome in done] == [UnknownOutcome, UnknownOutcome]


async def test_a_lost_answer_to_a_series_is_unknown_for_every_row(
    simulated: Simulated, thulium: ContactCentre
) -> None:
    await simulated.fault(kind="reset_after", path="batch/customers", method="POST")
    done = await thulium.create_customers(PEOPLE[:2])
    assert [type(outcome) for outcome in done] == [UnknownOutcome, UnknownOutcome]


@pytest.mark.parametrize(("body", "tried"), [("both", 2), ("named", 2), ("bare", 3)])
async def test_a_series_is_sent_as_the_vendors_page_says_or_else_as_an_array(
    simulated: Simulated, thulium: ContactCentre, body: str, tried: int
) -> None:
    await simulated.switch(series_body=body)
    for people in (PEOPLE[:2], PEOPLE[2:]):
        assert all(isinstance(outcome, str) for outcome in await thulium.create_customers(people))
    assert [call.method for call in simulated.requests()] == ["POST"] * tried
