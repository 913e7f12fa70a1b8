"""Chats, from the first line to the end."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator

import pytest

from tests.sandbox.thulium import Centre, running


@pytest.fixture
async def centre() -> AsyncIterator[Centre]:
    async with running() as centre:
        yield centre


async def test_a_chat_goes_from_created_to_closed(centre: Centre) -> None:
    async def status() -> str:
        return str((await centre.get("chats"))["result"][0]["status"])

    ref = (await centre.happen("chat", name="Żaneta", email="z@example.com"))["id"]
    assert await status() == "CREATED"
    await centre.happen("chat_message", conversation_id=ref, agent="jan.kowalski", text="W czym pomóc?")
    assert await status() == "IN_PROGRESS"
    assert (await centre.get("chats?status=CLOSED"))["count"] == 0
    await centre.happen("chat_close", conversation_id=ref)
    row = (await centre.get("chats?status=CLOSED"))["result"][0]
    assert row["user_login"] == "jan.kowalski"
    assert row["closed_at"]
    await centre.control("happen", status=404, what="chat_message", conversation_id=ref, text="jeszcze")


async def test_times_have_milliseconds_and_ids_are_uuids(centre: Centre) -> None:
    await centre.seed(
        chats=[{"name": "Żak", "at": "2026-06-01T10:00:00.125Z", "closed_at": "2026-06-01T10:05:00Z"}]
    )
    row = (await centre.get("chats"))["result"][0]
    assert (row["created_at"], row["closed_at"]) == ("2026-06-01 12:00:00.125", "2026-06-01 12:05:00.000")
    assert uuid.UUID(row["conversation_id"]).version == 4


async def test_messages_and_client_data_come_only_when_asked_for(centre: Centre) -> None:
    lines = [{"sent_by": "CLIENT", "text": "cześć"}, {"sent_by": "AGENT", "text": "dzień dobry"}]
    await centre.seed(chats=[{"name": "Żak", "messages": lines, "client_data": {"page": "/cennik"}}])
    assert not {"messages", "client_data", "files"} & set((await centre.get("chats"))["result"][0])
    flags = {"include_messages": "true", "include_client_data": "true", "include_files": "true"}
    row = (await centre.get("chats", **flags))["result"][0]
    assert [(line["sent_by"], line["text"]) for line in row["messages"]] == [
        ("CLIENT", "cześć"),
        ("AGENT", "dzień dobry"),
    ]
    assert row["client_data"] == {"page": "/cennik"}
    await centre.switch(chat_text_key="message", chat_source=True)
    row = (await centre.get("chats", **flags))["result"][0]
    assert row["messages"][0]["message"] == "cześć"
    assert row["source"] == "Widget"


async def test_chats_are_listed_by_start_and_queue(centre: Centre) -> None:
    await centre.seed(chats=[{"at": f"2026-06-0{day}T10:00:00Z", "queue_id": day} for day in (1, 2)])
    assert (await centre.get("chats", date_from="2026-06-02"))["count"] == 1
    assert (await centre.get("chats", chat_queue_id="1"))["count"] == 1


async def test_the_client_is_recognised_by_address(centre: Centre) -> None:
    await centre.seed(customers=[{"surname": "Żak", "email": "z@example.com"}])
    await centre.happen("chat", email="z@example.com")
    row = (await centre.get("chats"))["result"][0]
    assert (str(row["customer_id"]), row["client_name"]) == ("1", "Żak")
