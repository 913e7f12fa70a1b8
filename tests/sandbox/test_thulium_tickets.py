"""Tickets and their messages."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.sandbox.thulium import Centre, running


@pytest.fixture
async def centre() -> AsyncIterator[Centre]:
    async with running() as centre:
        yield centre


def ticket(n: int, minute: int = 0) -> dict[str, object]:
    return {"from": f"k{n}@example.com", "subject": f"Zapytanie {n}", "at": f"2026-06-01T10:{minute:02}:30Z"}


async def subjects(centre: Centre, **query: object) -> list[str]:
    return [row["subject"] for row in (await centre.get("tickets", **query))["result"]]


async def test_the_ticket_modified_last_comes_first(centre: Centre) -> None:
    made = await centre.seed(tickets=[ticket(1, 1), ticket(2, 2), ticket(3, 3)])
    assert await subjects(centre) == ["Zapytanie 3", "Zapytanie 2", "Zapytanie 1"]
    await centre.happen("ticket_message", ticket_id=made["tickets"][0], type="REPLY", body="ok")
    assert await subjects(centre) == ["Zapytanie 1", "Zapytanie 3", "Zapytanie 2"]


async def test_windows_are_of_modification_or_of_creation(centre: Centre) -> None:
    made = await centre.seed(tickets=[ticket(1, 1), ticket(2, 2)])
    await centre.happen("ticket_touch", ticket_id=made["tickets"][0])
    assert await subjects(centre, date_to="2026-06-01 23:00") == ["Zapytanie 2"]
    assert await subjects(centre, create_date_to="2026-06-01 12:02") == ["Zapytanie 1"]
    assert len(await subjects(centre, date_from="2026-06-01")) == 2


async def test_a_ticket_moves_between_two_pages_and_one_row_comes_again(centre: Centre) -> None:
    await centre.seed(tickets=[ticket(n, n) for n in range(6)])
    await centre.switch(moving_tickets=1)
    first = await subjects(centre, limit=3)
    second = await subjects(centre, limit=3, offset=3)
    assert first == ["Zapytanie 5", "Zapytanie 4", "Zapytanie 3"]
    assert second == ["Zapytanie 3", "Zapytanie 2", "Zapytanie 1"]
    assert (await subjects(centre))[0] == "Zapytanie 0"
    assert (await centre.look("state"))["switches"]["moving_tickets"] == 0


async def test_messages_are_newest_first_and_say_who_wrote(centre: Centre) -> None:
    lines = [
        {"type": "MAIL", "body": "<p>Cześć</p>"},
        {"type": "REPLY", "body": "Dzień dobry", "agent": "jan.kowalski"},
        {"type": "COMMENT", "body": "pilne", "agent": "jan.kowalski"},
    ]
    made = await centre.seed(tickets=[ticket(1) | {"messages": lines}])
    for row in (
        await centre.get(f"tickets/{made['tickets'][0]}"),
        (await centre.get("tickets"))["result"][0],
    ):
        comment, reply, mail = row["messages"]
        assert (mail["type"], mail["body"], mail["user_login"]) == ("MAIL", "<p>Cześć</p>", "")
        assert (reply["type"], reply["user_login"], reply["created_at"]) == (
            "REPLY",
            "jan.kowalski",
            "2026-06-01 12:01",
        )
        assert (comment["comment"], comment["body"] or "") == ("pilne", "")
        assert row["first_agent_response_time"] == "00:01:00"
    await centre.switch(list_messages=False)
    assert "messages" not in (await centre.get("tickets"))["result"][0]


async def test_a_ticket_made_through_the_api_begins_with_a_mail_or_a_reply(centre: Centre) -> None:
    body = {"to": "biuro@example.com", "subject": "Oferta", "body": "<b>ą</b>", "from": "k@example.com"}
    made = await centre.post("tickets", body)
    row = await centre.get(f"tickets/{made['ticket_id']}")
    assert (row["from"], row["messages"][0]["type"], row["status_id"]) == ("k@example.com", "MAIL", "1")
    made = await centre.post("tickets", body | {"direction": "out", "user_login": "anna.nowak"})
    assert (await centre.get(f"tickets/{made['ticket_id']}"))["messages"][0]["type"] == "REPLY"
    for wrong in ({"to": "x@example.com"}, {"source": "fax"}, {"subject": ""}, {"customer_id": 9}):
        await centre.post("tickets", body | wrong, status=400)


async def test_answers_and_comments_are_added(centre: Centre) -> None:
    ref = (await centre.happen("ticket", **{"from": "k@example.com"}))["id"]
    reply = {"body": "a\n<b>", "body_type": "PLAIN", "user_login": "anna.nowak"}
    assert await centre.post(f"tickets/{ref}/agent_response", reply) == []
    assert await centre.post(f"tickets/{ref}/customer_response", {"body": "dzięki"}) == []
    assert await centre.post(f"tickets/{ref}/comment", {"comment": "ok", "user_login": "anna.nowak"}) is None
    messages = (await centre.get(f"tickets/{ref}"))["messages"]
    assert [message["type"] for message in messages] == ["COMMENT", "MAIL", "REPLY", "MAIL"]
    assert messages[2]["body"] == "a<br>&lt;b&gt;"
    await centre.post(f"tickets/{ref}/agent_response", {"body": "x"}, status=400)
    await centre.post("tickets/1/comment", {"comment": "x"}, status=404)


async def test_a_change_answers_nothing_and_a_new_status_is_noted(centre: Centre) -> None:
    ref = (await centre.happen("ticket", **{"from": "k@example.com"}))["id"]
    assert (
        await centre.put(
            f"tickets/{ref}", {"status_id": 3, "user_login": None, "custom_fields": {"Numer zamówienia": "7"}}
        )
        is None
    )
    row = await centre.get(f"tickets/{ref}", include_custom_fields="true")
    assert (row["status_id"], row["full_status_name"]) == ("3", "Zamknięte")
    assert row["closed_at"]
    filled = {name: value for name, value in row["custom_fields"].items() if value}
    assert filled == {"Numer zamówienia": "7"}
    assert row["messages"][0]["system_comment"] == "Zmiana statusu: Zamknięte"
    await centre.put(f"tickets/{ref}", {"status_id": 9}, status=400)
    await centre.put(f"tickets/{ref}", {"fill_read_only_custom_fields": True}, status=400)


@pytest.mark.parametrize(
    ("reading", "status", "kept"), [("refuse", 400, None), ("ignore", 200, None), ("accept", 200, "x")]
)
async def test_a_read_only_field_is_filled_as_switched(
    centre: Centre, reading: str, status: int, kept: str | None
) -> None:
    ref = (await centre.happen("ticket", **{"from": "k@example.com"}))["id"]
    await centre.switch(read_only_ticket_fields=reading)
    await centre.put(f"tickets/{ref}", {"custom_fields": {"Pipedrive": "x"}}, status=status)
    assert (await centre.get(f"tickets/{ref}", include_custom_fields="true"))["custom_fields"][
        "Pipedrive"
    ] == kept


@pytest.mark.parametrize(
    ("reading", "status", "kept"), [("refuse", 400, None), ("ignore", 400, None), ("accept", 200, "x")]
)
async def test_the_flag_fills_a_read_only_field_as_switched(
    centre: Centre, reading: str, status: int, kept: str | None
) -> None:
    ref = (await centre.happen("ticket", **{"from": "k@example.com"}))["id"]
    await centre.switch(fill_ticket_fields=reading)
    body = {"custom_fields": {"Pipedrive": "x"}, "fill_read_only_custom_fields": True}
    await centre.put(f"tickets/{ref}", body, status=status)
    row = await centre.get(f"tickets/{ref}", include_custom_fields="true")
    assert row["custom_fields"]["Pipedrive"] == kept


async def test_a_list_of_tickets_may_leave_special_fields_out(centre: Centre) -> None:
    await centre.happen("ticket", **{"from": "k@example.com"})
    assert "custom_fields" in (await centre.get("tickets", include_custom_fields="true"))["result"][0]
    await centre.switch(list_ticket_fields=False)
    assert "custom_fields" not in (await centre.get("tickets", include_custom_fields="true"))["result"][0]


@pytest.mark.parametrize("keys", ["comment", "body", "body,user_login"])
async def test_a_comment_takes_the_keys_that_are_switched(centre: Centre, keys: str) -> None:
    ref = (await centre.happen("ticket", **{"from": "k@example.com"}))["id"]
    await centre.switch(comment_keys=keys)
    sent = [{"comment": "ok"}, {"body": "ok"}, {"body": "ok", "user_login": "anna.nowak"}]
    taken = {"comment": [0], "body": [1, 2], "body,user_login": [2]}[keys]
    for place, body in enumerate(sent):
        await centre.post(f"tickets/{ref}/comment", body, status=200 if place in taken else 400)
    messages = (await centre.get(f"tickets/{ref}"))["messages"]
    assert [message["comment"] for message in messages].count("ok") == len(taken)


async def test_statuses_and_categories_are_listed(centre: Centre) -> None:
    assert {"id": 3, "name": "Zamknięte"} in await centre.get("ticket_statuses")
    assert await centre.get("ticket_categories")
    assert await centre.get("ticket_queues")


async def test_tickets_are_found_by_status_company_and_special_field(centre: Centre) -> None:
    await centre.seed(
        companies=[{"name": "Śruby"}],
        customers=[{"surname": "Żak", "company_id": 1, "email": "k1@example.com"}],
        tickets=[ticket(1), ticket(2) | {"status_id": 3, "custom_fields": {"Numer zamówienia": "7"}}],
    )
    assert await subjects(centre, company_id=1) == ["Zapytanie 1"]
    assert await subjects(centre, **{"status_id[]": 3}) == ["Zapytanie 2"]
    assert await subjects(centre, **{"custom_fields[Numer zamówienia]": 7}) == ["Zapytanie 2"]
    assert await subjects(centre, source="phone") == []
