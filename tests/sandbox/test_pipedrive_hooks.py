"""Webhooks of the simulated Pipedrive."""

from collections.abc import AsyncIterator

import pytest

from connector.sandbox.wire import read_basic
from tests.sandbox.pipedrive_client import Crm, Receiver


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with Receiver().running() as receiver:
        yield receiver


async def listen(crm: Crm, receiver: Receiver, **more: object) -> int:
    body = {"subscription_url": receiver.url, "event_action": "*", "event_object": "*", "name": "all"}
    number: int = (await crm.post("/v1/webhooks", body | more)).data["id"]
    return number


async def settle(crm: Crm) -> None:
    assert await crm.sandbox("hooks/settle", {"seconds": 5}) == {"settled": True}


async def test_a_change_is_told_with_what_was_there_before(crm: Crm, receiver: Receiver) -> None:
    person = (
        await crm.post("/api/v2/persons", {"name": "Jan Nowak", "phones": [{"value": "601000001"}]})
    ).data
    hook = await listen(crm, receiver, http_auth_user="u", http_auth_password="hasło")
    await crm.patch(f"/api/v2/persons/{person['id']}", {"name": "Jan Mróz"})
    await settle(crm)
    ((_, headers, body),) = receiver.requests
    assert read_basic(headers["Authorization"]) == ("u", "hasło")
    meta = body["meta"]
    assert (meta["action"], meta["entity"], meta["entity_id"]) == ("change", "person", str(person["id"]))
    assert (meta["webhook_id"], meta["attempt"], meta["change_source"]) == (str(hook), 1, "api")
    assert meta["company_id"] == str((await crm.sandbox("state"))["company"])
    assert len(meta["permitted_user_ids"]) == 3
    assert (body["data"]["name"], body["data"]["visible_to"], body["data"]["id"]) == (
        "Jan Mróz",
        "3",
        person["id"],
    )
    assert body["previous"].keys() - {"update_time"} == {"name", "last_name"}
    assert body["previous"]["name"] == "Jan Nowak"


async def test_create_and_delete_have_nothing_on_one_side(crm: Crm, receiver: Receiver) -> None:
    await listen(crm, receiver)
    await crm.post("/api/v2/activities", {"subject": "x", "type": "call", "due_time": "13:05", "note": "n"})
    await settle(crm)
    await crm.delete("/api/v2/activities/1")
    await settle(crm)
    created, deleted = receiver.bodies
    assert created["previous"] is None
    assert created["data"]["due_time"] == {"timezone_id": None, "value": "13:05:00"}
    assert (created["data"]["active_flag"], created["data"]["busy_flag"]) == (True, False)
    assert not created["data"].keys() & {"note", "participants", "busy", "is_deleted"}
    assert deleted["data"] is None
    assert deleted["previous"]["subject"] == "x"


async def test_custom_fields_are_typed(crm: Crm, receiver: Receiver) -> None:
    text = {"field_name": "Nr", "field_type": "varchar"}
    choice = {"field_name": "Grupa", "field_type": "set", "options": [{"label": "A"}]}
    code = (await crm.post("/api/v2/personFields", text)).data["field_code"]
    group = (await crm.post("/api/v2/personFields", choice)).data
    await crm.post("/api/v2/persons", {"name": "Jan"})
    await listen(crm, receiver)
    option = group["options"][0]["id"]
    values = {code: "TH-1", group["field_code"]: [option]}
    await crm.patch("/api/v2/persons/1", {"custom_fields": values})
    await settle(crm)
    (body,) = receiver.bodies
    assert body["data"]["custom_fields"][code] == {"type": "varchar", "value": "TH-1"}
    assert body["data"]["custom_fields"][group["field_code"]] == {"type": "set", "values": [{"id": option}]}
    assert body["previous"]["custom_fields"] == {code: None, group["field_code"]: None}


async def test_a_merge_is_a_delete_and_a_change_that_name_each_other(crm: Crm, receiver: Receiver) -> None:
    for name in ("Jan", "Janek"):
        await crm.post("/api/v2/persons", {"name": name})
    await listen(crm, receiver)
    await crm.sandbox("edit", {"entity": "person", "action": "merge", "id": 1, "into": 2})
    await settle(crm)
    met = {body["meta"]["action"]: body["meta"] for body in receiver.bodies}
    assert met["delete"]["merged_to_id"] == "2"
    assert (met["change"]["entity_id"], met["change"]["merged_from_id"]) == ("2", "1")
    assert met["change"]["change_source"] == "app"


async def test_a_merge_is_told_by_two_events_and_a_restored_record_by_a_change(
    crm: Crm, receiver: Receiver
) -> None:
    await crm.sandbox(
        "seed", {"persons": [{"name": "Jan", "phones": ["1"]}, {"name": "Jan", "phones": ["2"]}]}
    )
    await listen(crm, receiver)
    await crm.sandbox("edit", {"entity": "person", "action": "merge", "id": 1, "into": 2})
    await settle(crm)
    gone, kept = sorted(receiver.bodies, key=lambda body: str(body["meta"]["entity_id"]))
    assert (gone["meta"]["action"], gone["meta"]["merged_to_id"], gone["data"]) == ("delete", "2", None)
    assert gone["previous"]["name"] == "Jan"
    assert (kept["meta"]["action"], kept["meta"]["merged_from_id"]) == ("change", "1")
    assert [way["value"] for way in kept["previous"]["phones"]] == ["2"]
    receiver.bodies.clear()
    await crm.sandbox("edit", {"entity": "person", "action": "delete", "id": 2})
    await crm.sandbox("edit", {"entity": "person", "action": "restore", "id": 2})
    await settle(crm)
    assert sorted(body["meta"]["action"] for body in receiver.bodies) == ["change", "delete"]
    assert (await crm.get("/api/v2/persons/2")).data["is_deleted"] is False


async def test_a_failed_delivery_is_tried_again_with_the_same_id(crm: Crm, receiver: Receiver) -> None:
    await listen(crm, receiver)
    receiver.statuses = [500, 302, 404]
    await crm.post("/api/v2/persons", {"name": "Jan"})
    await settle(crm)
    assert [body["meta"]["attempt"] for body in receiver.bodies] == [1, 2, 3, 4]
    assert len({body["meta"]["id"] for body in receiver.bodies}) == 1
    (delivery,) = await crm.sandbox("hooks/deliveries")
    assert delivery["state"] == "delivered"
    assert [attempt["status"] for attempt in delivery["attempts"]] == [500, 302, 404, 200]


async def test_ten_failed_first_attempts_lose_half_an_hour(crm: Crm, receiver: Receiver) -> None:
    await listen(crm, receiver)
    receiver.statuses = [500] * 40
    for number in range(10):
        await crm.sandbox(
            "edit", {"entity": "person", "action": "create", "changes": {"name": f"P {number}"}}
        )
    await settle(crm)
    receiver.bodies.clear()
    receiver.statuses.clear()
    await crm.post("/api/v2/persons", {"name": "Lost"})
    await crm.move_clock(minutes=31)
    await crm.post("/api/v2/persons", {"name": "Told"})
    await settle(crm)
    assert [body["data"]["name"] for body in receiver.bodies] == ["Told"]


async def test_a_webhook_without_success_for_three_days_is_removed(crm: Crm, receiver: Receiver) -> None:
    await listen(crm, receiver)
    receiver.statuses = [500] * 4
    await crm.move_clock(days=4)
    await crm.post("/api/v2/persons", {"name": "Jan"})
    await settle(crm)
    assert (await crm.get("/v1/webhooks")).data == []


async def test_deliveries_are_lost_doubled_and_shuffled_on_request(crm: Crm, receiver: Receiver) -> None:
    await listen(crm, receiver)

    async def create(count: int) -> list[str]:
        receiver.bodies.clear()
        for number in range(count):
            await crm.sandbox(
                "edit", {"entity": "person", "action": "create", "changes": {"name": f"P{number}"}}
            )
        await settle(crm)
        return [body["data"]["name"] for body in receiver.bodies]

    await crm.sandbox("hooks/faults", {"lose": 1})
    assert await create(2) == ["P1"]
    await crm.sandbox("hooks/faults", {"double": 1})
    assert await create(1) == ["P0", "P0"]
    await crm.sandbox("hooks/faults", {"shuffle": 3})
    assert await create(2) == []
    await crm.call("DELETE", "/_sandbox/hooks/faults")
    await settle(crm)
    assert sorted(body["data"]["name"] for body in receiver.bodies) == ["P0", "P1"]


async def test_events_reach_only_who_asked_and_may_see(crm: Crm, receiver: Receiver) -> None:
    michal = (await crm.users())[1]["id"]
    await listen(crm, receiver, event_object="deal", event_action="create")
    await listen(crm, receiver, event_object="person", user_id=michal)
    await crm.post("/api/v2/persons", {"name": "Hidden", "visible_to": 1})
    await crm.post("/api/v2/persons", {"name": "Seen"})
    await crm.post("/api/v2/deals", {"title": "Deal"})
    await crm.patch("/api/v2/deals/1", {"title": "Deal 2"})
    await settle(crm)
    told = sorted(body["data"].get("name") or body["data"]["title"] for body in receiver.bodies)
    assert told == ["Deal", "Seen"]


@pytest.mark.parametrize(
    ("wrong", "key"),
    [
        ({"subscription_url": "http://hooks.example.com/x"}, "subscription_url"),
        ({"subscription_url": "https://10.0.0.1/x"}, "subscription_url"),
        ({"subscription_url": "https://acme.pipedrive.com/x"}, "subscription_url"),
        ({"event_action": "added"}, "event_action"),
        ({"event_object": "call"}, "event_object"),
        ({"name": None}, "name"),
    ],
)
async def test_a_wrong_webhook_is_refused(crm: Crm, wrong: dict[str, object], key: str) -> None:
    body = {
        "subscription_url": "https://hooks.example.com/x",
        "event_action": "*",
        "event_object": "*",
        "name": "n",
    }
    reply = await crm.post("/v1/webhooks", body | wrong)
    assert (reply.status, reply.json["status"], list(reply.json["errors"])) == (400, "error", [key])


async def test_webhooks_of_an_app_are_its_own_and_number_forty(crm: Crm) -> None:
    bearer = (await crm.install())["access_token"]
    body = {
        "subscription_url": "https://hooks.example.com/x",
        "event_action": "*",
        "event_object": "*",
        "name": "n",
    }
    made = await crm.post("/v1/webhooks", body, bearer=bearer)
    assert (made.status, made.data["type"], made.data["is_active"]) == (201, "application", 1)
    assert (await crm.get("/v1/webhooks")).data == []
    assert (await crm.delete(f"/v1/webhooks/{made.data['id']}")).status == 403
    for _ in range(39):
        assert (await crm.post("/v1/webhooks", body, bearer=bearer)).status == 201
    assert (await crm.post("/v1/webhooks", body, bearer=bearer)).status == 422
    assert (await crm.delete(f"/v1/webhooks/{made.data['id']}", bearer=bearer)).status == 200
    assert (await crm.delete(f"/v1/webhooks/{made.data['id']}", bearer=bearer)).status == 404
