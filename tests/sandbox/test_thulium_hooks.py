"""Webhooks: who gets them, how they look, and how they go wrong on request."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest

from connector.sandbox.thulium.hooks import ACTIONS
from tests.sandbox.thulium import Centre, Receiver, receiving, running


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as receiver:
        yield receiver


@pytest.fixture
async def centre(receiver: Receiver) -> AsyncIterator[Centre]:
    async with running() as centre:
        await subscribe(centre, receiver.url, ACTIONS)
        yield centre


async def subscribe(centre: Centre, url: str, actions: tuple[str, ...], **credentials: str) -> int:
    body = {"actions": list(actions), "subscription_url": url} | credentials
    return int((await centre.post("webhooks", body))["id"])


async def test_a_hook_is_form_encoded_with_local_time_and_null_for_nothing(
    centre: Centre, receiver: Receiver
) -> None:
    await centre.post("customers", {"surname": "Żak"}, status=201)
    form = (await receiver.wait_for(1))[0]
    assert receiver.types == ["application/x-www-form-urlencoded"]
    assert form["action"] == "CUSTOMER_CREATED"
    assert form["customer_id"] == "1"
    assert form["company_id"] == "null"
    assert len(form["date"]) == len("2026-06-01 12:00:00")


async def test_a_subscription_can_be_listed_and_ended(centre: Centre, receiver: Receiver) -> None:
    ref = (await centre.get("webhooks"))[0]["id"]
    assert (await centre.get("webhooks"))[0]["subscription_url"] == receiver.url
    await centre.delete(f"webhooks/{ref}")
    await centre.delete(f"webhooks/{ref}", status=404)
    assert await centre.get("webhooks") == []
    await centre.happen("customer", surname="Żak")
    assert await centre.look("hooks") == []


async def test_a_subscription_names_known_actions_and_a_web_address(centre: Centre) -> None:
    for wrong in (
        {"actions": [], "subscription_url": "http://127.0.0.1/"},
        {"actions": ["CALL_ENDED"], "subscription_url": "http://127.0.0.1/"},
        {"actions": ["CUSTOMER_CREATED"], "subscription_url": "ftp://127.0.0.1/"},
        {"actions": ["CUSTOMER_CREATED"]},
    ):
        await centre.post("webhooks", wrong, status=400)


async def test_credentials_of_a_subscription_are_sent(centre: Centre, receiver: Receiver) -> None:
    await subscribe(
        centre, receiver.url, ("CUSTOMER_CREATED",), http_auth_user="ja", http_auth_password="hasło"
    )
    await centre.happen("customer", surname="Żak")
    await receiver.wait_for(2)
    assert receiver.users == ["", aiohttp.encode_basic_auth("ja", "hasło")]


async def test_each_happening_tells_what_the_vendor_tells(centre: Centre, receiver: Receiver) -> None:
    await centre.happen("customer", surname="Żak", phone_number="601000001")
    await centre.happen("customer", customer_id=1, name="Jan")
    call = (await centre.happen("call", number="601000001"))["id"]
    await centre.happen("topic", connection_id=call, topic_id=95)
    ticket = (await centre.happen("ticket", **{"from": "k@example.com"}))["id"]
    await centre.happen("ticket_message", ticket_id=ticket, type="REPLY", body="ok")
    await centre.happen("chat", name="Żak", agent="jan.kowalski", close=True)
    await centre.look("hooks")
    assert [form["action"] for form in receiver.forms] == [
        "CUSTOMER_CREATED",
        "CUSTOMER_UPDATED",
        "AGENT_RINGING",
        "RECORDING_READY",
        "TICKET_CREATED",
        "CHAT_CONVERSATION_CREATED",
        "CHAT_AGENT_ASSIGNED",
        "CHAT_CONVERSATION_CLOSED",
    ]
    by_action = {form["action"]: set(form) - {"action", "date"} for form in receiver.forms}
    assert by_action["AGENT_RINGING"] == {
        "connection_id",
        "queue_id",
        "agent_login",
        "source_number",
        "destination_number",
    }
    assert by_action["RECORDING_READY"] == {"connection_id", "filename"}
    assert by_action["TICKET_CREATED"] == {"ticket_id", "customer_id", "agent_login", "direction"}
    assert by_action["CHAT_CONVERSATION_CLOSED"] == {"conversation_id", "chat_queue_id"}
    assert receiver.forms[4]["agent_login"] == "null"


async def test_a_dialled_call_rings_first_and_repeats_its_custom_data(
    centre: Centre, receiver: Receiver
) -> None:
    await centre.switch(dial_seconds=0.01)
    await centre.post("agents/anna.nowak/call", {"phone_number": "601000001", "custom_data": {"id": "x"}})
    ringing, *_, recorded = await receiver.wait_for(5)
    assert (ringing["action"], ringing["custom_data"]) == ("AGENT_RINGING", '{"id":"x"}')
    assert recorded["connection_id"] == ringing["connection_id"]
    assert (await centre.get("connections"))["result"][0]["connection_id"] == ringing["connection_id"]


async def test_hooks_are_doubled_shuffled_and_lost_on_request(centre: Centre, receiver: Receiver) -> None:
    async def sent(**switches: object) -> list[str]:
        receiver.forms.clear()
        off = {"doubled_hooks": False, "shuffled_hooks": False, "lost_hooks": 0}
        await centre.switch(**(off | switches))
        for n in range(8):
            await centre.happen("customer", surname=f"Żak {n}")
        await centre.look("hooks")
        return [form["customer_id"] for form in receiver.forms]

    in_order = await sent()
    assert in_order == [str(n) for n in range(1, 9)]
    assert len(await sent(doubled_hooks=True)) == 16
    shuffled = await sent(shuffled_hooks=True)
    assert shuffled != sorted(shuffled, key=int)
    assert len(shuffled) == 8
    assert await sent(lost_hooks=True) == []


async def test_a_receiver_that_is_down_gets_it_never(centre: Centre, receiver: Receiver) -> None:
    await receiver.server.close()
    await centre.happen("customer", surname="Żak")
    sent = (await centre.look("hooks"))[0]
    assert (sent["status"], sent["error"]) == (None, "ClientConnectorError")


async def test_hooks_come_late_on_request(centre: Centre, receiver: Receiver) -> None:
    await centre.switch(late_hooks=0.05)
    await centre.happen("customer", surname="Żak")
    await centre.happen("customer", surname="Ćwik")
    assert receiver.forms == []
    assert [form["customer_id"] for form in await receiver.wait_for(2)] == ["1", "2"]


async def test_a_changed_company_is_told_by_its_card(centre: Centre, receiver: Receiver) -> None:
    made = await centre.happen("company", name="Zakład Śrub")
    await centre.happen("company", company_id=made["id"], name="Śruby")
    created, changed = await receiver.wait_for(2)
    assert (created["action"], changed["action"]) == ("CUSTOMER_CREATED", "CUSTOMER_UPDATED")
    assert (changed["customer_id"], changed["company_id"]) == (str(made["customer_id"]), str(made["id"]))
