"""Activities of the simulated Pipedrive."""

import pytest

from tests.sandbox.pipedrive_client import Crm

CALL = {
    "subject": "Połączenie przychodzące: Łucja Żak",
    "type": "call",
    "done": True,
    "due_date": "2026-08-22",
    "due_time": "13:05",
    "duration": "00:04",
    "note": "<b>Kolejka:</b> Sprzedaż<br>ref:ABC",
    "busy": False,
}


async def person(crm: Crm) -> int:
    made = await crm.post("/api/v2/persons", {"name": "Zażółć Gęślą", "phones": [{"value": "+48601000001"}]})
    number: int = made.data["id"]
    return number


async def test_an_activity_is_kept_with_its_polish_letters_and_its_participant(crm: Crm) -> None:
    who = await person(crm)
    made = await crm.post(
        "/api/v2/activities", CALL | {"participants": [{"person_id": who, "primary": True}]}
    )
    read = (await crm.get(f"/api/v2/activities/{made.data['id']}")).data
    assert read == made.data
    assert read["subject"] == CALL["subject"]
    assert read["note"] == CALL["note"]
    assert (read["person_id"], read["due_time"], read["duration"]) == (who, "13:05:00", "00:04:00")
    assert read["marked_as_done_time"] == read["add_time"]


async def test_person_id_is_refused_in_the_vendors_words(crm: Crm) -> None:
    reply = await crm.post("/api/v2/activities", CALL | {"person_id": 1})
    assert reply.status == 400
    assert reply.json == {
        "success": False,
        "error": "'person_id' is a read-only field. Add a primary participant to set 'person_id' instead. "
        'For example: "participants": [{ "person_id": 1, "primary": true }]',
        "code": "ERR_BAD_REQUEST",
    }


@pytest.mark.parametrize(
    "wrong",
    [
        {"done": 1},
        {"done": "true"},
        {"colour": "red"},
        {"due_time": "9:05"},
        {"due_date": "22.08.2026"},
        {"due_date": "2026-02-30"},
        {"owner_id": "12"},
        {"participants": [{"person": 1}]},
        {"location": "Kraków"},
        {"is_deleted": True},
    ],
)
async def test_a_body_of_the_wrong_form_is_refused(crm: Crm, wrong: dict[str, object]) -> None:
    reply = await crm.post("/api/v2/activities", CALL | wrong)
    assert (reply.status, reply.json["code"]) == (400, "ERR_SCHEMA_VALIDATION_FAILED")
    assert next(iter(wrong)) in reply.json["error"]
    assert (await crm.sandbox("activities")) == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"type": "chat"},
        {"owner_id": 1},
        {"deal_id": 7},
        {"participants": [{"person_id": 9, "primary": True}]},
    ],
)
async def test_a_body_that_names_what_is_not_there_is_refused(crm: Crm, wrong: dict[str, object]) -> None:
    assert (await crm.post("/api/v2/activities", CALL | wrong)).status == 400


async def test_an_inactive_type_and_an_inactive_owner_are_refused(crm: Crm) -> None:
    await crm.sandbox(
        "edit",
        {"entity": "activity_type", "action": "change", "id": 1, "changes": {"active_flag": False}},
    )
    assert (await crm.post("/api/v2/activities", CALL)).status == 400
    anna = (await crm.users())[2]["id"]
    body = CALL | {"type": "task", "owner_id": anna}
    assert (await crm.post("/api/v2/activities", body)).status == 200
    await crm.sandbox("user", {"user": anna, "active": False})
    assert (await crm.post("/api/v2/activities", body)).status == 400


async def test_lists_are_walked_with_a_cursor_and_tell_no_total(crm: Crm) -> None:
    for number in range(5):
        await crm.post("/api/v2/activities", CALL | {"subject": f"Call {number}"})
    found, cursor, pages = [], "", 0
    while True:
        reply = await crm.get(f"/api/v2/activities?limit=2{cursor}")
        found += [record["id"] for record in reply.data]
        pages += 1
        assert reply.json.keys() == {"success", "data", "additional_data"}
        following = reply.json["additional_data"]["next_cursor"]
        if following is None:
            break
        cursor = f"&cursor={following}"
    assert (found, pages) == ([1, 2, 3, 4, 5], 3)


async def test_a_list_by_time_of_change_is_walked_down_without_loss(crm: Crm) -> None:
    for number in range(4):
        await crm.move_clock(minutes=number)
        await crm.post("/api/v2/activities", CALL)
    await crm.move_clock(hours=1)
    await crm.patch("/api/v2/activities/2", {"subject": "Later"})
    query = "/api/v2/activities?sort_by=update_time&sort_direction=desc&limit=3"
    first = await crm.get(query)
    second = await crm.get(f"{query}&cursor={first.json['additional_data']['next_cursor']}")
    assert [record["id"] for record in first.data + second.data] == [2, 4, 3, 1]


async def test_updated_since_takes_whole_seconds_only(crm: Crm) -> None:
    await crm.post("/api/v2/activities", CALL)
    later = await crm.post("/api/v2/activities", CALL)
    await crm.move_clock(hours=2)
    await crm.patch(f"/api/v2/activities/{later.data['id']}", {"note": "edited"})
    since = (await crm.get(f"/api/v2/activities/{later.data['id']}")).data["update_time"]
    assert [r["id"] for r in (await crm.get(f"/api/v2/activities?updated_since={since}")).data] == [2]
    until = await crm.get(f"/api/v2/activities?updated_until={since}")
    assert [record["id"] for record in until.data] == [1]
    refused = await crm.get(f"/api/v2/activities?updated_since={since[:-1]}.000Z")
    assert (refused.status, refused.json["code"]) == (400, "ERR_SCHEMA_VALIDATION_FAILED")


@pytest.mark.parametrize(
    "query", ["limit=501", "limit=0", "done=1", "type=call", "cursor=nonsense", "sort_by=name"]
)
async def test_a_wrong_query_is_refused(crm: Crm, query: str) -> None:
    assert (await crm.get(f"/api/v2/activities?{query}")).status == 400


async def test_lists_are_filtered(crm: Crm) -> None:
    who = await person(crm)
    michal = (await crm.users())[1]["id"]
    await crm.post("/api/v2/activities", CALL | {"participants": [{"person_id": who, "primary": True}]})
    await crm.post("/api/v2/activities", CALL | {"done": False, "owner_id": michal})
    for query, expected in (
        (f"person_id={who}", [1]),
        ("done=false", [2]),
        (f"owner_id={michal}", [2]),
        ("ids=2,9", [2]),
    ):
        assert [r["id"] for r in (await crm.get(f"/api/v2/activities?{query}")).data] == expected


async def test_a_deleted_activity_is_read_by_id_but_not_listed_until_it_is_purged(crm: Crm) -> None:
    await crm.post("/api/v2/activities", CALL)
    assert (await crm.delete("/api/v2/activities/1")).data == {"id": 1}
    assert (await crm.get("/api/v2/activities")).data == []
    assert (await crm.get("/api/v2/activities/1")).data["is_deleted"] is True
    assert (await crm.patch("/api/v2/activities/1", {"done": False})).status == 404
    await crm.move_clock(days=31)
    assert (await crm.get("/api/v2/activities/1")).status == 404


async def test_a_change_that_changes_nothing_leaves_the_time_alone(crm: Crm) -> None:
    made = await crm.post("/api/v2/activities", CALL)
    await crm.move_clock(minutes=5)
    same = await crm.patch("/api/v2/activities/1", {"subject": CALL["subject"]})
    assert same.data["update_time"] == made.data["update_time"]
    changed = await crm.patch("/api/v2/activities/1", {"subject": "Inny"})
    assert changed.data["update_time"] > made.data["update_time"]


async def test_an_activity_hangs_on_a_deal_or_a_lead_but_not_on_both(crm: Crm) -> None:
    deal = (await crm.post("/api/v2/deals", {"title": "Umowa"})).data["id"]
    lead = "35b0d604-eb0d-42d0-be11-eac8832051f0"
    assert (await crm.post("/api/v2/activities", CALL | {"deal_id": deal, "lead_id": lead})).status == 400
    made = await crm.post("/api/v2/activities", CALL | {"deal_id": deal})
    moved = await crm.patch(f"/api/v2/activities/{made.data['id']}", {"deal_id": None, "lead_id": lead})
    assert (moved.data["deal_id"], moved.data["lead_id"]) == (None, lead)
