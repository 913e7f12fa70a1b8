"""Deals, search and merging of the simulated Pipedrive."""

import pytest

from connector.sandbox.pipedrive.config import demo_config
from tests.sandbox.conftest import Start
from tests.sandbox.pipedrive_client import Crm


async def test_a_deal_begins_in_the_first_stage_and_in_the_companys_currency(crm: Crm) -> None:
    made = (await crm.post("/api/v2/deals", {"title": "Umowa", "value": 1200.5})).data
    stages = (await crm.get("/api/v2/stages?sort_by=order_nr")).data
    assert (made["stage_id"], made["currency"], made["status"]) == (stages[0]["id"], "PLN", "open")
    assert made["won_time"] is None
    won = (await crm.patch(f"/api/v2/deals/{made['id']}", {"status": "won"})).data
    assert won["won_time"] == won["close_time"] == won["update_time"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"stage_id": 99},
        {"pipeline_id": 99},
        {"status": "deleted"},
        {"lost_reason": "cena"},
        {"value": "12"},
        {"is_deleted": True},
        {"person_id": 5},
        {"currency": "złoty"},
        {"add_time": "2026-01-01T00:00:00Z"},
    ],
)
async def test_a_wrong_deal_is_refused(crm: Crm, wrong: dict[str, object]) -> None:
    assert (await crm.post("/api/v2/deals", {"title": "Umowa"} | wrong)).status == 400


async def test_archived_deals_have_their_own_list_and_are_read_only(crm: Crm) -> None:
    made = (await crm.post("/api/v2/deals", {"title": "Stara"})).data["id"]
    await crm.patch(f"/api/v2/deals/{made}", {"is_archived": True})
    assert (await crm.get("/api/v2/deals")).data == []
    assert [record["id"] for record in (await crm.get("/api/v2/deals/archived")).data] == [made]
    assert (await crm.patch(f"/api/v2/deals/{made}", {"title": "Nowa"})).status == 400
    assert (await crm.patch(f"/api/v2/deals/{made}", {"is_archived": False})).status == 200


async def test_open_deals_of_a_person_are_listed(crm: Crm) -> None:
    person = (await crm.post("/api/v2/persons", {"name": "Jan Nowak"})).data["id"]
    for body in ({"person_id": person}, {}, {"person_id": person, "status": "lost"}):
        await crm.post("/api/v2/deals", {"title": "x"} | body)
    await crm.post("/api/v2/deals", {"title": "x", "person_id": person})
    await crm.delete("/api/v2/deals/4")
    listed = await crm.get(f"/api/v2/deals?person_id={person}&status=open")
    assert [record["id"] for record in listed.data] == [1]
    assert [r["id"] for r in (await crm.get("/api/v2/deals?status=deleted,lost")).data] == [3, 4]
    with_deal = await crm.get("/api/v2/persons?deal_id=1")
    assert [record["id"] for record in with_deal.data] == [person]


async def test_the_plans_cap_on_open_deals_is_a_403_of_its_own(crm: Crm) -> None:
    await crm.sandbox("company", {"caps": {"open_deals": 1}})
    await crm.post("/api/v2/deals", {"title": "a"})
    reply = await crm.post("/api/v2/deals", {"title": "b"})
    assert (reply.status, reply.json["code"]) == (403, "feature_capping_deals_limit")


async def test_search_finds_by_part_of_a_phone_and_gives_plain_texts(crm: Crm) -> None:
    await crm.sandbox(
        "seed",
        {
            "organizations": [{"name": "Źródło S.A."}],
            "persons": [
                {"name": "Łucja Żak", "phones": ["+48 601 000 001", "12 345 67 89"], "org": "Źródło S.A."}
            ],
        },
    )
    hit = (await crm.get("/api/v2/persons/search?term=345%2067&fields=phone")).data["items"][0]["item"]
    assert hit["phones"] == ["+48 601 000 001", "12 345 67 89"]
    assert hit["organization"] == {"id": 1, "name": "Źródło S.A."}
    for path, found in (
        ("/api/v2/persons/search?term=ŁUCJA", 1),
        ("/api/v2/persons/search?term=601000001", 0),
        ("/api/v2/persons/search?term=345&fields=phone&exact_match=true", 0),
        ("/api/v2/persons/search?term=ucja&fields=email", 0),
        ("/api/v2/persons/search?term=ucja&organization_id=2", 0),
        ("/api/v2/organizations/search?term=źród", 1),
        ("/api/v2/itemSearch?term=Źródło&item_types=person,organization", 1),
    ):
        assert len((await crm.get(path)).data["items"]) == found, path
    assert (await crm.get("/api/v2/persons/search?term=a")).status == 400
    assert (await crm.get("/api/v2/persons/search")).status == 400


async def test_a_field_is_searched_with_its_letters_case(crm: Crm) -> None:
    seeded = await crm.sandbox(
        "seed",
        {
            "fields": [{"entity": "person", "name": "Nr klienta", "type": "varchar"}],
            "persons": [{"name": "Jan", "custom_fields": {"Nr klienta": "TH-17"}}],
        },
    )
    (code,) = seeded["companies"][0]["fields"]
    path = f"/api/v2/itemSearch/field?entity_type=person&field={code}&term="
    assert (await crm.get(path + "TH-17")).data == [{"id": 1, code: "TH-17"}]
    assert (await crm.get(path + "th-17")).data == []
    assert len((await crm.get(path + "TH&match=beginning")).data) == 1


async def test_the_search_index_may_lag(start: Start) -> None:
    crm = await start(demo_config(search_delay_seconds=5))
    await crm.post("/api/v2/persons", {"name": "Nowy Klient"})
    assert (await crm.get("/api/v2/persons/search?term=Nowy")).data["items"] == []
    await crm.move_clock(seconds=6)
    assert len((await crm.get("/api/v2/persons/search?term=Nowy")).data["items"]) == 1


async def test_the_record_in_the_path_of_a_merge_disappears(crm: Crm) -> None:
    gone = (await crm.post("/api/v2/persons", {"name": "Jan", "phones": [{"value": "601000001"}]})).data["id"]
    stays = (await crm.post("/api/v2/persons", {"name": "Jan N.", "phones": [{"value": "601000002"}]})).data[
        "id"
    ]
    body = {"subject": "x", "type": "call", "participants": [{"person_id": gone, "primary": True}]}
    await crm.post("/api/v2/activities", body)
    deal = (await crm.post("/api/v2/deals", {"title": "x", "person_id": gone})).data["id"]
    merged = await crm.call("PUT", f"/v1/persons/{gone}/merge", {"merge_with_id": stays})
    assert (merged.data["id"], merged.data["merge_what_id"]) == (stays, gone)
    survivor = (await crm.get(f"/api/v2/persons/{stays}")).data
    assert (survivor["name"], [way["value"] for way in survivor["phones"]]) == (
        "Jan N.",
        ["601000002", "601000001"],
    )
    assert sum(way["primary"] for way in survivor["phones"]) == 1
    assert (await crm.get(f"/api/v2/persons/{gone}")).data["is_deleted"] is True
    activity = (await crm.get("/api/v2/activities/1")).data
    assert (activity["person_id"], activity["participants"]) == (
        stays,
        [{"person_id": stays, "primary": True}],
    )
    assert (await crm.get(f"/api/v2/deals/{deal}")).data["person_id"] == stays
    assert (await crm.call("PUT", f"/v1/persons/{gone}/merge", {"merge_with_id": stays})).status == 404


async def test_a_deleted_deal_is_listed_by_that_status_alone_with_its_custom_fields(crm: Crm) -> None:
    field = (await crm.post("/api/v2/dealFields", {"field_name": "Znak", "field_type": "varchar"})).data
    code = field["field_code"]
    body = {"title": "Umowa", "custom_fields": {code: "z-1"}}
    kept, gone = [(await crm.post("/api/v2/deals", body)).data["id"] for _ in range(2)]
    await crm.delete(f"/api/v2/deals/{gone}")
    asked = f"/api/v2/deals?custom_fields={code}"
    for query, wanted in (("", [kept]), ("&status=deleted", [gone]), ("&status=open,deleted", [kept, gone])):
        listed = (await crm.get(asked + query)).data
        assert [deal["id"] for deal in listed] == wanted
        assert all(deal["custom_fields"] == {code: "z-1"} for deal in listed)


@pytest.mark.parametrize(("plan", "everybody"), [("growth", 3), ("premium", 7)])
async def test_the_field_of_visibility_tells_what_everybody_is_called_in_the_plan(
    start: Start, plan: str, everybody: int
) -> None:
    crm = await start(demo_config())
    await crm.sandbox("company", {"plan": plan})
    fields = (await crm.get("/api/v2/dealFields?limit=500")).data
    [visible] = [field for field in fields if field["field_code"] == "visible_to"]
    assert max(option["id"] for option in visible["options"]) == everybody
    assert (await crm.post("/api/v2/deals", {"title": "Umowa"})).data["visible_to"] == everybody
