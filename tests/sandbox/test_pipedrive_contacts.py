"""Persons and organizations of the simulated Pipedrive."""

import pytest

from connector.sandbox.pipedrive.config import demo_config
from tests.sandbox.conftest import Start
from tests.sandbox.pipedrive_client import Crm

PERSON = {
    "name": "Łucja Anna Żak",
    "phones": [{"value": "+48 601 000 001", "label": "mobile"}, {"value": "601000002", "primary": True}],
    "emails": [{"value": "lucja@example.com"}],
}


async def test_a_person_reads_back_as_the_vendor_shapes_it(crm: Crm) -> None:
    made = (await crm.post("/api/v2/persons", PERSON)).data
    assert (made["first_name"], made["last_name"]) == ("Łucja", "Anna Żak")
    assert made["phones"] == [
        {"value": "+48 601 000 001", "primary": False, "label": "mobile"},
        {"value": "601000002", "primary": True, "label": "work"},
    ]
    assert made["emails"][0]["primary"] is True
    assert (made["owner_id"], made["visible_to"]) == ((await crm.users())[0]["id"], 3)
    assert (await crm.get(f"/api/v2/persons/{made['id']}")).data == made


async def test_a_patch_replaces_the_whole_array_and_nothing_else(crm: Crm) -> None:
    made = (await crm.post("/api/v2/persons", PERSON)).data
    changed = await crm.patch(f"/api/v2/persons/{made['id']}", {"phones": [{"value": "601000003"}]})
    assert [way["value"] for way in changed.data["phones"]] == ["601000003"]
    assert changed.data["emails"] == made["emails"]


async def test_names_are_split_and_joined(crm: Crm) -> None:
    made = (await crm.post("/api/v2/persons", {"first_name": "Jan", "last_name": "Mróz"})).data
    assert made["name"] == "Jan Mróz"
    renamed = await crm.patch(f"/api/v2/persons/{made['id']}", {"name": "Michał"})
    assert (renamed.data["first_name"], renamed.data["last_name"]) == ("Michał", None)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"first_name": "Jan"},
        PERSON | {"phone": "601000001"},
        PERSON | {"phones": "601000001"},
        PERSON | {"phones": [{"label": "work"}]},
        PERSON | {"emails": [{"value": "a@example.com", "primary": 1}]},
        PERSON | {"visible_to": "3"},
        PERSON | {"visible_to": 7},
        PERSON | {"org_id": 99},
        PERSON | {"owner_id": 1},
        PERSON | {"job_title": "Prezes"},
        PERSON | {"a" * 40: "at the root"},
        PERSON | {"custom_fields": {"a" * 40: "unknown"}},
        PERSON | {"phones": [{"value": "1", "primary": True}, {"value": "2", "primary": True}]},
    ],
)
async def test_a_wrong_person_is_refused(crm: Crm, body: dict[str, object]) -> None:
    assert (await crm.post("/api/v2/persons", body)).status == 400
    assert (await crm.get("/api/v2/persons")).data == []


async def test_contact_sync_adds_its_keys(crm: Crm) -> None:
    await crm.sandbox("company", {"contact_sync": True})
    made = (await crm.post("/api/v2/persons", PERSON | {"job_title": "Prezes"})).data
    assert (made["job_title"], made["birthday"]) == ("Prezes", None)


async def test_a_deleted_person_is_gone_from_lists_and_readable_by_id(crm: Crm) -> None:
    made = (await crm.post("/api/v2/persons", PERSON)).data
    await crm.delete(f"/api/v2/persons/{made['id']}")
    assert (await crm.get("/api/v2/persons")).data == []
    assert (await crm.get(f"/api/v2/persons?ids={made['id']}")).data == []
    assert (await crm.get(f"/api/v2/persons/{made['id']}")).data["is_deleted"] is True


async def test_an_organizations_address_is_whole_or_not_there(crm: Crm) -> None:
    made = (await crm.post("/api/v2/organizations", {"name": "Źródło S.A."})).data
    assert made["address"] is None
    address = {"value": "Prosta 1, Łódź", "locality": "Łódź"}
    changed = await crm.patch(f"/api/v2/organizations/{made['id']}", {"address": address})
    assert changed.data["address"] | address == changed.data["address"]
    assert changed.data["address"]["country"] is None
    missing = await crm.patch(f"/api/v2/organizations/{made['id']}", {"address": {"locality": "Łódź"}})
    assert missing.status == 400


async def test_a_user_sees_less_than_an_administrator(crm: Crm) -> None:
    users = await crm.users()
    michal = users[1]["api_token"]
    secret = (await crm.post("/api/v2/persons", PERSON | {"visible_to": 1})).data["id"]
    public = (await crm.post("/api/v2/persons", PERSON)).data["id"]
    assert [record["id"] for record in (await crm.get("/api/v2/persons", token=michal)).data] == [public]
    assert (await crm.get(f"/api/v2/persons/{secret}", token=michal)).status == 404
    for who, subject in ((secret, "hidden"), (public, "seen")):
        body = {"subject": subject, "type": "call", "participants": [{"person_id": who, "primary": True}]}
        await crm.post("/api/v2/activities", body)
    await crm.post("/api/v2/activities", {"subject": "alone", "type": "call"})
    listed = await crm.get("/api/v2/activities", token=michal)
    assert [record["subject"] for record in listed.data] == ["seen"]


async def test_companies_do_not_see_each_other(start: Start) -> None:
    crm = await start(demo_config())
    other = (await crm.sandbox("seed", {"companies": [{"name": "Druga", "persons": [{"name": "Obcy"}]}]}))[
        "companies"
    ][0]
    assert (await crm.get("/api/v2/persons")).data == []
    listed = await crm.get("/api/v2/persons", token=other["users"][0]["api_token"])
    assert [record["name"] for record in listed.data] == ["Obcy"]


async def test_custom_fields_are_checked_and_always_listed(crm: Crm) -> None:
    codes = {}
    for kind in ("varchar", "double", "monetary", "date", "set"):
        body: dict[str, object] = {"field_name": kind, "field_type": kind}
        if kind == "set":
            body["options"] = [{"label": "A"}, {"label": "B"}]
        field = (await crm.post("/api/v2/personFields", body)).data
        codes[kind] = field["field_code"]
        assert len(field["field_code"]) == 40
    options = [o["id"] for o in (await crm.get(f"/api/v2/personFields/{codes['set']}")).data["options"]]
    values = {
        codes["varchar"]: "TH-1",
        codes["monetary"]: {"value": 500, "currency": "PLN"},
        codes["set"]: options,
    }
    made = (await crm.post("/api/v2/persons", PERSON | {"custom_fields": values})).data
    assert made["custom_fields"] == values | {codes["double"]: None, codes["date"]: None}
    path = f"/api/v2/persons/{made['id']}"
    wrong: list[dict[str, object]] = [
        {codes["set"]: []},
        {codes["set"]: [99]},
        {codes["double"]: "1"},
        {codes["date"]: "1.1.2026"},
    ]
    for one in wrong:
        assert (await crm.patch(path, {"custom_fields": one})).status == 400
    cleared = await crm.patch(path, {"custom_fields": {codes["set"]: None}})
    assert cleared.data["custom_fields"][codes["set"]] is None
    assert cleared.data["custom_fields"][codes["varchar"]] == "TH-1"
    shrunk = await crm.get(f"{path}?custom_fields={codes['varchar']}")
    assert shrunk.data["custom_fields"] == {codes["varchar"]: "TH-1"}


async def test_a_deleted_field_is_refused_by_its_hash(crm: Crm) -> None:
    field = await crm.post("/api/v2/personFields", {"field_name": "Centrala", "field_type": "varchar"})
    code = field.data["field_code"]
    await crm.delete(f"/api/v2/personFields/{code}")
    reply = await crm.post("/api/v2/persons", PERSON | {"custom_fields": {code: "x"}})
    assert reply.status == 400
    assert (
        reply.json["error"]
        == f"Validation failed: {code}: Parameter '{code}' is not allowed for this request"
    )


async def test_options_are_changed_all_or_none(crm: Crm) -> None:
    body = {"field_name": "Źródło", "field_type": "enum", "options": [{"label": "A"}]}
    field = (await crm.post("/api/v2/dealFields", body)).data
    path = f"/api/v2/dealFields/{field['field_code']}/options"
    added = (await crm.post(path, [{"label": "B"}, {"label": "C"}])).data
    assert (
        await crm.patch(path, [{"id": added[0]["id"], "label": "b"}, {"id": 99, "label": "x"}])
    ).status == 400
    await crm.patch(path, [{"id": added[0]["id"], "label": "b"}])
    await crm.call("DELETE", path, [{"id": added[1]["id"]}])
    read = (await crm.get(f"/api/v2/dealFields/{field['field_code']}")).data
    assert [option["label"] for option in read["options"]] == ["A", "b"]


async def test_only_administrators_make_fields_and_the_plan_has_a_cap(crm: Crm) -> None:
    body = {"field_name": "Centrala", "field_type": "varchar"}
    michal = (await crm.users())[1]["api_token"]
    assert (await crm.post("/api/v2/personFields", body, token=michal)).status == 403
    await crm.sandbox("company", {"caps": {"custom_fields": 1}})
    assert (await crm.post("/api/v2/personFields", body)).status == 200
    capped = await crm.post("/api/v2/personFields", body)
    assert (capped.status, "limit" in capped.json["error"]) == (403, True)
    assert (await crm.post("/api/v2/personFields", body | {"field_type": "int"})).status == 400


async def test_numbers_are_reformatted_where_the_company_has_it_so(crm: Crm) -> None:
    await crm.sandbox("company", {"phone_format": "spaced"})
    made = await crm.post("/api/v2/persons", {"name": "Jan", "phones": [{"value": "+48601000001"}]})
    assert made.data["phones"][0]["value"] == "+48 601 000 001"
    before = made.data["update_time"]
    again = await crm.patch("/api/v2/persons/1", {"phones": [{"value": "+48 601-000-001", "primary": True}]})
    assert again.data["phones"] == made.data["phones"]
    assert again.data["update_time"] == before
    local = await crm.patch("/api/v2/persons/1", {"phones": [{"value": "601000001"}]})
    assert local.data["phones"][0]["value"] == "601000001"


async def test_long_names_are_cut_or_refused(crm: Crm) -> None:
    long = "Ł" * 300
    assert len((await crm.post("/api/v2/persons", {"name": long})).data["name"]) == 255
    assert len((await crm.post("/api/v2/organizations", {"name": long})).data["name"]) == 255
    await crm.sandbox("company", {"long_names": "refused"})
    assert (await crm.post("/api/v2/persons", {"name": long})).status == 400
    assert (await crm.post("/api/v2/organizations", {"name": long})).status == 400
