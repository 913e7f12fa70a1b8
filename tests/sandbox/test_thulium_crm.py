"""Customers, companies, batches, special fields."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.sandbox.thulium import Centre, running


@pytest.fixture
async def centre() -> AsyncIterator[Centre]:
    async with running() as centre:
        yield centre


async def test_only_the_surname_is_required(centre: Centre) -> None:
    await centre.post("customers", {"name": "Łukasz"}, status=400)
    made = await centre.post("customers", {"surname": "Żółć"}, status=201)
    card = await centre.get(f"customers/{made['customer_id']}")
    assert card["surname"] == "Żółć"
    assert card["phone_numbers"] == []
    assert card["phone_number"] in ("", None)


async def test_a_card_takes_several_numbers_and_gives_back_one_address(centre: Centre) -> None:
    body = {
        "surname": "Żak",
        "phone_number": ["601 000 001", "601000002"],
        "email": ["a@example.com", "b@example.com"],
    }
    await centre.post("customers", body, status=201)
    card = await centre.get("customers/1")
    assert card["phone_numbers"] == ["601000001", "601000002"]
    assert (card["phone_number"], card["email"]) == ("601000001", "a@example.com")
    assert "emails" not in card
    await centre.switch(second_email=True)
    assert (await centre.get("customers/1"))["emails"] == ["a@example.com", "b@example.com"]


async def test_a_change_answers_nothing_and_leaves_other_keys_alone(centre: Centre) -> None:
    await centre.post("customers", {"surname": "Żak", "identifier": "17"}, status=201)
    assert await centre.put("customers/1", {"surname": "Żakowa"}) is None
    card = await centre.get("customers/1")
    assert (card["surname"], card["identifier"]) == ("Żakowa", "17")
    await centre.put("customers/1", {"surname": ""}, status=400)
    await centre.put("customers/9", {"surname": "Nikt"}, status=404)


async def test_a_refused_change_writes_nothing(centre: Centre) -> None:
    await centre.post("customers", {"surname": "Żak"}, status=201)
    for wrong in (
        {"no_such": 1},
        {"account_manager": "nobody"},
        {"company_id": 5},
        {"custom_fields": {"Nie ma": 1}},
    ):
        await centre.put("customers/1", {"surname": "Inny"} | wrong, status=400)
    assert (await centre.get("customers/1"))["surname"] == "Żak"


async def test_lists_come_bare_or_in_an_envelope(centre: Centre) -> None:
    await centre.seed(customers=[{"surname": "Żak"}], companies=[{"name": "Zakład Śrub"}])
    assert isinstance(await centre.get("customers"), list)
    assert isinstance(await centre.get("companies"), list)
    await centre.switch(customers_envelope=True)
    assert (await centre.get("customers", limit=1))["count"] == 2
    assert (await centre.get("companies"))["result"][0]["name"] == "Zakład Śrub"


async def test_a_page_of_customers_has_100_rows_and_at_most_1000(centre: Centre) -> None:
    await centre.seed(customers=[{"surname": f"Żak {n}"} for n in range(130)])
    assert len(await centre.get("customers")) == 100
    assert len(await centre.get("customers", limit=1000)) == 130
    assert [row["customer_id"] for row in await centre.get("customers", limit=3, offset=128)] == [129, 130]
    await centre.get("customers", limit=1001, status=400)


async def test_customers_are_found_by_what_the_vendor_documents(centre: Centre) -> None:
    await centre.seed(
        customers=[
            {"surname": "A", "phone_number": "601000001", "email": "a@example.com", "identifier": "p1"},
            {
                "surname": "B",
                "custom_fields": {"Pipedrive ID": 7, "Dodatkowe informacje": "x"},
                "type": "VIP",
            },
        ]
    )

    async def found(**query: str) -> list[str]:
        return [row["surname"] for row in await centre.get("customers", **query)]

    assert await found(phone_number="601000001") == ["A"]
    assert await found(email="a@example.com") == ["A"]
    assert await found(identifier="p1") == ["A"]
    assert await found(identifier="") == ["B"]
    assert await found(phone_number="") == ["B"]
    assert await found(type="VIP") == ["B"]
    assert await found(**{"custom_fields[Pipedrive ID]": "7"}) == ["B"]
    assert (
        await found(**{"custom_fields[Pipedrive ID][0]": "6", "custom_fields[Dodatkowe informacje]": "x"})
        == []
    )


async def test_special_fields_show_on_request_and_read_only_ones_need_a_flag(centre: Centre) -> None:
    fields = {"Pipedrive ID": 7, "Pipedrive": "https://demo.example.com/person/7"}
    await centre.post("customers", {"surname": "Żak", "custom_fields": fields}, status=201)
    assert "custom_fields" not in await centre.get("customers/1")
    shown = (await centre.get("customers/1", include_custom_fields="true"))["custom_fields"]
    unfilled = dict.fromkeys(("Pipedrive", "Szanse sprzedaży", "Dodatkowe informacje"))
    assert shown == {"Pipedrive ID": 7, **unfilled}
    await centre.put("customers/1", {"custom_fields": fields, "fill_read_only_custom_fields": True})
    assert (await centre.get("customers/1", include_custom_fields="true"))["custom_fields"]["Pipedrive"]


async def test_addresses_show_on_request(centre: Centre) -> None:
    await centre.post("customers", {"surname": "Żak", "address": {"city": "Łódź"}}, status=201)
    assert "address" not in await centre.get("customers/1")
    assert (await centre.get("customers/1", include_address="true"))["address"] == {"city": "Łódź"}


async def test_a_company_is_a_customer_as_well(centre: Centre) -> None:
    made = await centre.post("companies", {"name": "Zakład Śrub", "phone_number": "221000000"}, status=201)
    company = await centre.get(f"companies/{made['company_id']}")
    card = await centre.get(f"customers/{company['customer_id']}")
    assert (card["surname"], card["company_flag"], card["phone_number"]) == ("Zakład Śrub", True, "221000000")
    await centre.put(f"companies/{made['company_id']}", {"name": "Śruby"})
    assert (await centre.get(f"customers/{company['customer_id']}"))["surname"] == "Śruby"
    await centre.delete(f"customers/{company['customer_id']}", status=400)


async def test_people_stay_when_their_company_goes(centre: Centre) -> None:
    made = await centre.seed(companies=[{"name": "Śruby"}], customers=[{"surname": "Żak", "company_id": 1}])
    await centre.delete("companies/1")
    assert (await centre.get(f"customers/{made['customers'][0]}"))["company_id"] is None
    await centre.get("companies/1", status=404)


async def test_a_deleted_customer_is_not_found(centre: Centre) -> None:
    await centre.seed(customers=[{"surname": "Żak"}])
    assert await centre.delete("customers/1") is None
    await centre.get("customers/1", status=404)


async def test_a_batch_goes_through_but_for_its_refused_rows(centre: Centre) -> None:
    made = await centre.post("batch/customers", [{"surname": "Żak"}, {"name": "bez"}, {"surname": "Bąk"}])
    assert [row.get("customer_id") for row in made] == [1, None, 2]
    assert made[1]["errors"][0]["code"]
    changed = await centre.put("batch/customers", [{"customer_id": 2, "type": "VIP"}, {"type": "VIP"}])
    assert changed[0] == {"customer_id": 2}
    assert changed[1]["errors"]
    assert (await centre.get("customers/2"))["type"] == "VIP"


async def test_a_series_may_be_taken_in_one_form_only(centre: Centre) -> None:
    rows = [{"surname": "Żak"}]
    for taken, other, switch in (({"customers": rows}, rows, "named"), (rows, {"customers": rows}, "bare")):
        await centre.switch(series_body=switch)
        assert (await centre.post("batch/customers", taken))[0]["customer_id"]
        await centre.post("batch/customers", other, status=400)


async def test_a_note_is_kept_on_the_card(centre: Centre) -> None:
    await centre.seed(customers=[{"surname": "Żak"}])
    assert await centre.post("customers/1/notes", {"note": "Woli e-mail"}) is None
    assert "Woli e-mail" in await centre.page("/demo/panel/customers/1")


async def test_rows_of_repeating_fields_can_be_kept_in_step(centre: Centre) -> None:
    await centre.seed(customers=[{"surname": "Żak"}, {"surname": "Ćwik"}])
    [group] = (await centre.get("customer_field_groups"))["result"]
    assert [field["name"] for field in group["fields"]] == ["Numer", "Kwota"]
    number, amount = (field["field_id"] for field in group["fields"])
    body = {"group_id": group["group_id"], "customer_id": 1, "values": [{"field_id": number, "value": "Z/1"}]}
    item = (await centre.post("customer_field_group_items", body, status=201))["item_id"]
    await centre.post("customer_field_group_items", body | {"customer_id": 2}, status=201)
    await centre.switch(field_items_merge=True)
    path = f"customer_field_group_items/{item}"
    await centre.put(path, {"values": [{"field_id": amount, "value": "10"}]})
    listed = await centre.get("customer_field_group_items", customer_id="1", group_id=group["group_id"])
    assert listed["count"] == 1
    values = [{"field_id": number, "value": "Z/1"}, {"field_id": amount, "value": "10"}]
    assert listed["result"] == [{"item_id": item, "group_id": 1, "customer_id": 1, "values": values}]
    await centre.put(path, {"values": [{"field_id": 99, "value": "x"}]}, status=400)
    await centre.put(path, {}, status=400)
    await centre.switch(field_items_merge=False, field_items_shape="named")
    await centre.put(path, {"values": [{"field_id": amount, "value": "11"}]})
    [row] = (await centre.get("customer_field_group_items", customer_id="1"))["result"]
    assert row["values"] == {"Kwota": "11"}
    await centre.delete(path)
    assert (await centre.get("customer_field_group_items"))["count"] == 1


async def test_a_seed_names_repeating_groups_and_a_row_need_not_say_whose_it_is(centre: Centre) -> None:
    await centre.seed(customers=[{"surname": "Żak"}], field_groups={"Szanse": ["Tytuł"], "Umowy": ["Numer"]})
    groups = (await centre.get("customer_field_groups"))["result"]
    assert [(group["group_id"], group["name"]) for group in groups] == [(1, "Szanse"), (2, "Umowy")]
    field = groups[1]["fields"][0]["field_id"]
    body = {"group_id": 2, "customer_id": 1, "values": [{"field_id": field, "value": "U/1"}]}
    await centre.post("customer_field_group_items", body | {"group_id": 1}, status=400)
    await centre.post("customer_field_group_items", body, status=201)
    await centre.switch(field_items_shape="bare")
    assert (await centre.get("customer_field_group_items", group_id=1))["count"] == 0
    [row] = (await centre.get("customer_field_group_items", group_id=2))["result"]
    assert row.keys() == {"item_id", "values"}


async def test_a_double_name_is_refused_where_names_are_unique(centre: Centre) -> None:
    await centre.switch(unique_names=True)
    await centre.post("customers", {"name": "Ewa", "surname": "Żak"}, status=201)
    for asked in (("POST", "customers"), ("POST", "batch/customers")):
        body = {"name": "Ewa", "surname": "Żak"}
        single = asked[1] == "customers"
        told = await centre.ask(*asked, json=body if single else [body], status=400 if single else 200)
        assert (told if single else told[0])["errors"][0]["message"].startswith("Duplicated customer name.")
    await centre.post("customers", {"name": "Adam", "surname": "Żak"}, status=201)
    await centre.put("customers/2", {"name": "Ewa"}, status=400)
    await centre.put("customers/1", {"surname": "Żak", "identifier": "7"})
    assert (await centre.get("customers/2"))["name"] == "Adam"


async def test_read_only_fields_can_be_closed_to_the_flag_too(centre: Centre) -> None:
    await centre.switch(read_only_customer_fields="ignore")
    body = {"surname": "Żak", "custom_fields": {"Pipedrive": "x"}, "fill_read_only_custom_fields": True}
    await centre.post("customers", body, status=201)
    assert (await centre.get("customers/1", include_custom_fields="true"))["custom_fields"][
        "Pipedrive"
    ] is None


async def test_a_system_may_know_only_one_way_to_change_a_customer(centre: Centre) -> None:
    await centre.post("customers", {"surname": "Żak"}, status=201)
    await centre.switch(change_customers="batch")
    await centre.put("customers/1", {"surname": "Ćwik"}, status=405)
    assert await centre.put("batch/customers", [{"customer_id": 1, "surname": "Ćwik"}]) == [
        {"customer_id": 1}
    ]
    await centre.switch(change_customers="single")
    await centre.put("batch/customers", [{"customer_id": 1, "surname": "Gęś"}], status=404)


async def test_filters_may_be_ignored(centre: Centre) -> None:
    await centre.seed(customers=[{"surname": "Żak"}, {"surname": "Ćwik"}])
    assert await centre.get("customers", email="nobody@example.com") == []
    await centre.switch(ignored_filters=True)
    assert len(await centre.get("customers", email="nobody@example.com")) == 2


async def test_ids_of_what_was_deleted_are_not_given_again(centre: Centre) -> None:
    await centre.seed(customers=[{"surname": "Żak"}], companies=[{"name": "Zakład Śrub"}])
    await centre.delete("customers/2")
    await centre.delete("companies/1")
    assert (await centre.post("customers", {"surname": "Ćwik"}, status=201))["customer_id"] == 3
    assert (await centre.post("companies", {"name": "Śruby"}, status=201))["company_id"] == 2


async def test_companies_change_and_go_as_agents_let_them(centre: Centre) -> None:
    made = await centre.happen("company", name="Zakład Śrub")
    person = await centre.happen("customer", surname="Żak", company_id=made["id"])
    await centre.happen("company", company_id=made["id"], name="Śruby")
    assert (await centre.get(f"companies/{made['id']}"))["name"] == "Śruby"
    await centre.happen("company_deleted", company_id=made["id"])
    await centre.get(f"companies/{made['id']}", status=404)
    assert (await centre.get(f"customers/{person['id']}"))["company_id"] is None


async def test_two_customers_become_one_with_all_that_happened(centre: Centre) -> None:
    await centre.seed(
        customers=[
            {"surname": "Żak", "phone_number": "601000001"},
            {"surname": "Żak", "phone_number": "601000002", "identifier": "p1"},
        ],
        calls=[{"number": "601000002"}],
    )
    await centre.happen("customer_merged", customer_id=2, into=1)
    await centre.get("customers/2", status=404)
    card = await centre.get("customers/1")
    assert (card["phone_numbers"], card["identifier"]) == (["601000001", "601000002"], "p1")
    assert (await centre.get("connections"))["result"][0]["customer_id"] in (1, "1")
