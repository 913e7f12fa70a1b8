"""Calls: listing, local times, topics, click-to-call."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.sandbox.thulium import Centre, running


@pytest.fixture
async def centre() -> AsyncIterator[Centre]:
    async with running() as centre:
        yield centre


CALL = {"number": "601000001", "at": "2026-06-01T10:00:30Z"}


async def test_calls_come_in_an_envelope_whose_count_ignores_the_page(centre: Centre) -> None:
    calls = [{"number": "601000001", "at": f"2026-06-01T10:{minute:02}:00Z"} for minute in range(5)]
    await centre.seed(calls=calls)
    page = await centre.get("connections", limit=2, offset=2)
    assert page["count"] == 5
    assert [row["date"] for row in page["result"]] == ["2026-06-01 12:02", "2026-06-01 12:01"]


async def test_a_page_has_100_rows_unless_fewer_are_asked_and_never_more(centre: Centre) -> None:
    await centre.seed(calls=[CALL] * 120)
    page = await centre.get("connections")
    assert (page["count"], len(page["result"])) == (120, 100)
    for limit in ("101", "0", "x"):
        await centre.get("connections", limit=limit, status=400)


async def test_the_hour_that_dst_repeats_tells_not_which_it_is(centre: Centre) -> None:
    await centre.seed(
        calls=[
            CALL | {"at": "2026-10-25T00:30:00Z"},
            CALL | {"at": "2026-10-25T01:30:00Z", "number": "601000002"},
        ]
    )
    rows = (await centre.get("connections"))["result"]
    assert [row["date"] for row in rows] == ["2026-10-25 02:30"] * 2
    inside = await centre.get("connections", date_from="2026-10-25 02:00", date_to="2026-10-25 02:45")
    assert inside["count"] == 2


async def test_seconds_count_in_a_window_although_nobody_sees_them(centre: Centre) -> None:
    await centre.seed(calls=[CALL])
    assert (await centre.get("connections", date_from="2026-06-01 12:00"))["count"] == 1
    assert (await centre.get("connections", date_to="2026-06-01 12:00"))["count"] == 0
    assert (await centre.get("connections", date_to="2026-06-01 12:01"))["count"] == 1
    await centre.get("connections", date_from="2026-06-01T12:00", status=400)


async def test_the_upper_bound_of_a_window_can_be_in_or_out(centre: Centre) -> None:
    await centre.seed(calls=[CALL | {"at": "2026-06-01T10:00:00Z"}])
    assert (await centre.get("connections", date_to="2026-06-01 12:00"))["count"] == 1
    await centre.switch(bounds="exclusive")
    assert (await centre.get("connections", date_to="2026-06-01 12:00"))["count"] == 0


async def test_calls_are_found_by_id_and_by_customer(centre: Centre) -> None:
    made = await centre.seed(customers=[{"surname": "Żak", "phone_number": "601000001"}], calls=[CALL, CALL])
    ref = made["calls"][1]
    found = await centre.get("connections", connection_id=ref)
    assert [row["connection_id"] for row in found["result"]] == [ref]
    assert (await centre.get("connections", customer_id=made["customers"][0]))["count"] == 2
    assert (await centre.get("connections", customer_id=99))["count"] == 0


async def test_a_customer_is_recognised_by_a_number_that_only_one_has(centre: Centre) -> None:
    both = [
        {"surname": "Żak", "phone_number": "+48601000001"},
        {"surname": "Bąk", "phone_number": "601000002"},
    ]
    await centre.seed(customers=both, calls=[CALL])
    assert str((await centre.get("connections"))["result"][0]["customer_id"]) == "1"
    await centre.seed(customers=[{"surname": "Kot", "phone_number": "601000001"}])
    await centre.seed(calls=[CALL | {"at": "2026-06-02T10:00:00Z"}])
    assert (await centre.get("connections"))["result"][0]["customer_id"] in (None, "")


async def test_ids_are_numbers_and_texts_and_nothing_is_null_and_empty(centre: Centre) -> None:
    await centre.seed(customers=[{"surname": "Żak", "phone_number": "601000001"}], calls=[CALL] * 6)
    await centre.seed(calls=[CALL | {"customer_id": None}] * 6)
    rows = (await centre.get("connections"))["result"]
    assert {1, "1", None, ""} == {row["customer_id"] for row in rows}
    assert all(isinstance(row["connection_id"], str) for row in rows)


async def test_results_are_the_vendors_words_and_only_answered_calls_have_talk(centre: Centre) -> None:
    words = ("ANSWERED", "BUSY", "FAILED", "NO ANSWER")
    calls = [CALL | {"disposition": word, "ring": 9, "talk": 50, "type": "OUTBOUND"} for word in words]
    await centre.seed(calls=calls)
    rows = {row["disposition"]: row for row in (await centre.get("connections"))["result"]}
    assert {word: (rows[word]["duration"], rows[word]["billsec"]) for word in words} == {
        "ANSWERED": (59, 50),
        "BUSY": (9, 0),
        "FAILED": (9, 0),
        "NO ANSWER": (9, 0),
    }
    assert rows["BUSY"]["dst"] == "601000001"


async def test_a_topic_and_its_note_appear_only_when_the_agent_wrote_them(centre: Centre) -> None:
    ref = (await centre.happen("call", number="601000001"))["id"]
    await centre.get(f"connections/{ref}/topic", status=404)
    await centre.switch(topic_missing="nulls")
    assert (await centre.get(f"connections/{ref}/topic"))["comment"] is None
    await centre.happen("topic", connection_id=ref, topic_id=96, comment="Oddzwonić w piątek")
    said = await centre.get(f"connections/{ref}/topic")
    assert said == {
        "topic_id": 96,
        "agent_login": "anna.nowak",
        "comment": "Oddzwonić w piątek",
        "custom_fields": [],
    }


async def test_a_topic_can_be_written_through_the_api(centre: Centre) -> None:
    ref = (await centre.happen("call", number="601000001"))["id"]
    body = {"connection_id": ref, "topic_id": 97, "agent_login": "jan.kowalski", "comment": "ok"}
    assert await centre.post("connections/topic", body) is None
    assert (await centre.get(f"connections/{ref}/topic"))["agent_login"] == "jan.kowalski"
    await centre.post("connections/topic", body | {"topic_id": 1}, status=400)
    await centre.post("connections/topic", body | {"connection_id": "9.9"}, status=404)


async def test_the_list_carries_topics_in_the_shape_switched_on(centre: Centre) -> None:
    await centre.seed(calls=[CALL | {"topic_id": 95}])
    assert "topics" not in (await centre.get("connections"))["result"][0]

    async def topics() -> object:
        row = (await centre.get("connections", include_topics="true"))["result"][0]
        return row.get("topics", "none")

    assert await topics() == [{"id": 95, "name": "Reklamacja"}]
    await centre.switch(topics_shape="names")
    assert await topics() == ["Reklamacja"]
    await centre.switch(topics_shape="none")
    assert await topics() == "none"


async def test_a_repeated_list_has_every_row_and_never_more_than_asked(centre: Centre) -> None:
    await centre.seed(calls=[CALL] * 30)
    await centre.switch(repeat_lists=True)
    first = (await centre.get("connections", limit=20))["result"]
    second = (await centre.get("connections", limit=20, offset=20))["result"]
    assert (len(first), len(second)) == (20, 20)
    assert len({row["connection_id"] for row in first + second}) == 30


async def test_recordings_are_those_of_answered_calls(centre: Centre) -> None:
    await centre.seed(calls=[CALL | {"ring": 30, "talk": 60}, CALL | {"disposition": "BUSY"}])
    listed = await centre.get("recordings")
    assert listed["count"] == 1
    assert listed["result"][0]["created_at"] == "2026-06-01 12:02"


async def test_click_to_call_answers_nothing_and_is_listed_when_it_has_ended(centre: Centre) -> None:
    await centre.switch(dial_seconds=0.02)
    await centre.seed(customers=[{"surname": "Żak", "phone_number": "601000001"}])
    assert (
        await centre.post("agents/anna.nowak/call", {"phone_number": "601 000 001", "custom_data": "x1"})
        is None
    )
    assert (await centre.get("connections"))["count"] == 0
    await asyncio.sleep(0.04)
    row = (await centre.get("connections"))["result"][0]
    assert (row["type"], row["dst"], row["user_login"]) == ("OUTBOUND", "601000001", "anna.nowak")
    assert (await centre.look("state"))["dialled"][0]["custom_data"] == "x1"


async def test_click_to_call_by_customer_dials_the_main_number(centre: Centre) -> None:
    await centre.seed(customers=[{"surname": "Żak", "phone_number": ["601000001", "601000002"]}])
    await centre.post("agents/anna.nowak/call", {"customer_id": 1})
    await centre.post("agents/anna.nowak/call", {"customer_id": 1, "phone_number": "601000002"})
    await centre.post("agents/anna.nowak/call", {"customer_id": 1, "phone_number": "601000009"})
    dialled = (await centre.look("state"))["dialled"]
    assert [(each["number"], each["customer_id"]) for each in dialled] == [
        ("601000001", 1),
        ("601000002", 1),
        ("601000009", None),
    ]


async def test_click_to_call_needs_an_agent_of_a_campaign_and_somebody_to_call(centre: Centre) -> None:
    await centre.post("agents/nobody/call", {"phone_number": "601000001"}, status=404)
    await centre.post("agents/stary.agent/call", {"phone_number": "601000001"}, status=400)
    await centre.post(
        "agents/anna.nowak/call", {"phone_number": "601000001", "outbound_id": "00002"}, status=400
    )
    await centre.post("agents/anna.nowak/call", {}, status=400)
    await centre.post("agents/anna.nowak/call", {"customer_id": 5}, status=400)


async def test_a_sip_account_can_be_rung_without_a_campaign(centre: Centre) -> None:
    assert await centre.post("connections/call", {"sip": "391", "phone_number": "601000001"}) is None
    await centre.post("connections/call", {"sip": "999", "phone_number": "601000001"}, status=400)


async def test_tags_show_and_filter_on_request(centre: Centre) -> None:
    await centre.seed(calls=[CALL, CALL | {"tags": ["pilne", "oferta"]}])
    found = (await centre.get("connections", include_tags="true", **{"tags[]": "pilne"}))["result"]
    assert [row["tags"] for row in found] == [["pilne", "oferta"]]
    assert "tags" not in (await centre.get("connections"))["result"][0]
