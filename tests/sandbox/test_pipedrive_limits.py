"""Limits, faults and switches of the simulated Pipedrive."""

from connector.sandbox.pipedrive.config import demo_config
from tests.sandbox.conftest import Start
from tests.sandbox.pipedrive_client import Crm


async def test_every_answer_carries_the_burst_headers(crm: Crm) -> None:
    first = await crm.get("/v1/users/me")
    assert first.headers["x-ratelimit-limit"] == "40"
    assert first.headers["x-ratelimit-remaining"] == "39"
    assert 1 <= int(first.headers["x-ratelimit-reset"]) <= 2
    assert first.headers["x-daily-requests-left"] == str(30_000 * 2 * 3 - 2)
    bearer = (await crm.install())["access_token"]
    app = await crm.get("/api/v2/persons/99", bearer=bearer)
    assert (app.status, app.headers["x-ratelimit-limit"]) == (404, "160")
    assert "x-daily-requests-left" not in app.headers


async def test_a_full_window_refuses_until_two_seconds_have_passed(start: Start) -> None:
    crm = await start(demo_config(plan="lite"))
    statuses = [(await crm.get("/v1/users/me")).status for _ in range(21)]
    assert statuses == [200] * 20 + [429]
    refused = await crm.get("/v1/users/me")
    assert (refused.headers["x-ratelimit-remaining"], refused.json["error"]) == ("0", "Request over limit")
    await crm.move_clock(seconds=3)
    assert (await crm.get("/v1/users/me")).status == 200


async def test_searches_have_a_smaller_window_of_their_own(crm: Crm) -> None:
    statuses = [(await crm.get("/api/v2/persons/search?term=ab")).status for _ in range(11)]
    assert statuses == [200] * 10 + [429]
    assert (await crm.get("/v1/users/me")).status == 200


async def test_tokens_are_spent_by_the_vendors_price_list_until_midnight(crm: Crm) -> None:
    await crm.get("/api/v2/persons")
    await crm.post("/api/v2/persons", {"name": "Jan"})
    await crm.get("/api/v2/persons/1")
    await crm.delete("/api/v2/persons/1")
    await crm.get("/api/v2/persons/search?term=ab")
    spent = await crm.sandbox("tokens")
    assert spent["spent"] == 10 + 5 + 1 + 3 + 20
    assert spent["by_operation"]["POST /api/v2/persons"] == 5
    await crm.sandbox("company", {"spent": spent["budget"]})
    refused = await crm.get("/v1/users/me")
    assert refused.status == 429
    assert int(refused.headers["x-ratelimit-remaining"]) >= 1
    await crm.move_clock(days=1)
    assert (await crm.get("/v1/users/me")).status == 200


async def test_limits_can_be_switched_off(start: Start) -> None:
    crm = await start(demo_config(limits=False, daily_limit=False, plan="lite"))
    await crm.sandbox("company", {"spent": 10**9})
    assert {(await crm.get("/v1/users/me")).status for _ in range(30)} == {200}


async def test_an_unpaid_company_answers_402(crm: Crm) -> None:
    await crm.sandbox("company", {"open": False})
    assert (await crm.get("/v1/users/me")).status == 402
    assert (await crm.get("/api/v2/persons")).status == 402


async def test_each_fault_has_the_vendors_own_face(crm: Crm) -> None:
    for kind, status, left in (("burst_429", 429, "0"), ("daily_429", 429, "1"), ("unauthorised", 401, None)):
        await crm.sandbox("faults", {"kind": kind})
        reply = await crm.get("/v1/users/me")
        assert (reply.status, reply.headers.get("x-ratelimit-remaining")) == (status, left)
    await crm.sandbox("faults", {"kind": "html_403"})
    blocked = await crm.get("/v1/users/me")
    assert (blocked.status, "<html" in blocked.json) == (403, True)
    await crm.sandbox("faults", {"kind": "status_after", "method": "POST", "status": 504, "html": True})
    assert (await crm.post("/api/v2/persons", {"name": "Jan"})).status == 504
    assert len((await crm.get("/api/v2/persons")).data) == 1


async def test_the_date_of_answers_is_the_simulated_one(crm: Crm) -> None:
    await crm.move_clock(days=400)
    reply = await crm.post("/api/v2/persons", {"name": "Jan"})
    assert reply.headers["date"].split()[3] == reply.data["add_time"][:4]


async def test_endpoints_that_were_taken_away_are_not_there(crm: Crm) -> None:
    for path in ("/v1/persons", "/v1/activities", "/api/v2/nothing"):
        reply = await crm.get(path)
        assert (reply.status, reply.json["success"]) == (404, False)


async def test_a_hundred_thousand_persons_are_seeded_and_listed(start: Start) -> None:
    crm = await start(demo_config(limits=False))
    generate = {"persons": 100_000, "organizations": 100, "open_deals": 50, "phone_base": "+48601000000"}
    await crm.sandbox("seed", {"generate": generate})
    state = await crm.sandbox("state")
    assert state["persons"] == {"alive": 100_000, "deleted": 0}
    page = await crm.get("/api/v2/persons?limit=500")
    assert page.data[1]["phones"][0]["value"] == "+48601000001"


async def test_activity_types_are_made_renamed_and_switched_off(crm: Crm) -> None:
    made = (await crm.post("/v1/activityTypes", {"name": "Czat z klientem", "icon_key": "bubble"})).data
    assert made["key_string"] == "czat_z_klientem"
    renamed = await crm.call("PUT", f"/v1/activityTypes/{made['id']}", {"name": "Rozmowa"})
    assert (renamed.data["name"], renamed.data["key_string"]) == ("Rozmowa", "czat_z_klientem")
    await crm.delete(f"/v1/activityTypes/{made['id']}")
    listed = {kind["key_string"]: kind["active_flag"] for kind in (await crm.get("/v1/activityTypes")).data}
    assert listed == {
        "call": True, "meeting": True, "task": True, "deadline": True, "email": True, "lunch": True,
        "czat_z_klientem": False,
    }  # fmt: skip
    michal = (await crm.users())[1]["api_token"]
    refused = await crm.post("/v1/activityTypes", {"name": "x", "icon_key": "bubble"}, token=michal)
    assert refused.status == 403
