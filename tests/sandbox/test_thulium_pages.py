"""The pages a person looks at."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import pytest

from tests.sandbox.thulium import Centre, running


@pytest.fixture
async def centre() -> AsyncIterator[Centre]:
    async with running() as centre:
        yield centre


ODD = "<script>alert('Żółć')</script>"


async def test_every_page_shows_what_is_there_and_escapes_it(centre: Centre) -> None:
    made = await centre.seed(
        customers=[{"surname": ODD, "phone_number": "601000001", "email": "z@example.com"}],
        calls=[{"number": "601000001", "comment": ODD}],
        chats=[{"email": "z@example.com", "messages": [{"text": ODD}]}],
        tickets=[{"from": "z@example.com", "subject": ODD, "body": "<p>Dzień</p><script>x</script>"}],
    )
    paths = [
        "",
        "customers",
        "calls",
        "chats",
        "tickets",
        "customers/1",
        f"calls/{made['calls'][0]}",
        f"chats/{made['chats'][0]}",
        f"tickets/{made['tickets'][0]}",
    ]
    for path in paths:
        text = await centre.page(f"/demo/panel/{path}")
        assert "<script>" not in text
        assert '<html lang="en">' in text
        assert "<main" in text


async def test_every_field_of_a_form_has_a_label(centre: Centre) -> None:
    made = await centre.seed(
        customers=[{"surname": "Żak"}], calls=[{"number": "1"}], chats=[{}], tickets=[{}]
    )
    pages = [
        "",
        "customers",
        "customers/1",
        *(f"{name}/{made[name][0]}" for name in ("calls", "chats", "tickets")),
    ]
    for path in pages:
        text = await centre.page(f"/demo/panel/{path}")
        ids = re.findall(r'\bid="([\w-]+)"', text)
        assert len(ids) == len(set(ids)), path
        fields = re.findall(
            r'<(?:input|select|textarea)(?![^>]*type="(?:hidden|checkbox)")[^>]*id="([\w-]+)"', text
        )
        assert set(fields) == set(re.findall(r'<label for="([\w-]+)"', text)), path


async def test_the_panel_without_a_system_leads_to_the_first(centre: Centre) -> None:
    await centre.seed(customers=[{"surname": "Żak"}])
    for path in ("/panel/customers/1", "/panel/customers"):
        assert "Żak" in await centre.page(path)
    assert "Make something happen" in await centre.page("/")


async def test_a_missing_record_has_a_page_of_its_own(centre: Centre) -> None:
    for path in ("customers/9", "customers/x", "calls/1.1", "chats/x", "tickets/9"):
        assert "Nothing here" in await centre.page(f"/demo/panel/{path}", status=404)


async def submit(centre: Centre, **fields: str) -> str:
    async with centre.client.post("/demo/panel/happen", data=fields) as reply:
        text = await reply.text()
        assert (reply.status == 400) == ("Not done." in text)
        return text


async def test_forms_make_things_happen_and_show_them(centre: Centre) -> None:
    assert "Ćwik" in await submit(
        centre, what="customer", surname="Ćwik", phone_number="601 000 001", email=""
    )
    call = {
        "type": "OUTBOUND",
        "number": "601 000 001",
        "talk": "75",
        "agent": "zofia.zolc",
        "topic_id": "",
        "comment": "",
    }
    shown = await submit(centre, what="call", disposition="ANSWERED", **call)
    assert "Ćwik" in shown
    assert "75 s of 83 s" in shown
    ref = (await centre.look("events"))[0]["id"]
    assert "Reklamacja" in await submit(
        centre, what="topic", connection_id=ref, topic_id="95", comment="pilne"
    )
    shown = await submit(
        centre, what="ticket", **{"from": "z@example.com", "subject": "Oferta", "body": "Cześć"}
    )
    ticket = next(fact for fact in await centre.look("events") if fact["kind"] == "message")["ticket_id"]
    assert "Oferta" in shown
    assert "Dziękuję" in await submit(
        centre, what="ticket_message", ticket_id=str(ticket), type="REPLY", body="Dziękuję"
    )
    assert "Dzień" in await submit(centre, what="chat", name="Bąk", line="Dzień dobry", close="1")


async def test_a_form_that_is_refused_says_why(centre: Centre) -> None:
    for fields in (
        {"what": "nothing"},
        {"what": "call", "number": "1", "disposition": "LOST"},
        {"what": "customer"},
    ):
        assert "Not done." in await submit(centre, **fields)


async def test_long_lists_go_on_and_customers_can_be_searched(centre: Centre) -> None:
    people = [{"surname": f"Żak{n:02}", "phone_number": f"6010000{n:02}"} for n in range(60)]
    await centre.seed(customers=people)
    assert "1 to 50 of 60" in await centre.page("/demo/panel/customers")
    assert "51 to 60 of 60" in await centre.page("/demo/panel/customers?from=50")
    found = await centre.page("/demo/panel/customers?q=żak07")
    assert "601000007" in found
    assert "1 to 1 of 1" in found


async def test_a_card_is_changed_and_emptied_by_hand(centre: Centre) -> None:
    await centre.seed(
        companies=[{"name": "Zakład Śrub"}],
        customers=[{"surname": "Żak", "phone_number": "601000001", "type": "VIP", "group": "Detal",
                    "custom_fields": {"Pipedrive": "https://crm.example.com/person/7", "Pipedrive ID": 7}}],
    )  # fmt: skip
    page = await centre.page("/demo/panel/customers/2")
    assert '<a href="https://crm.example.com/person/7">' in page
    assert "VIP" in page
    assert "Detal" in page
    form = {"name": "Ewa", "surname": "Żak", "phone_number": "601000002\r\n601000003", "email": "e@example.com",
            "company_id": "1", "type": "", "group": ""}  # fmt: skip

    async def save(**changes: str) -> int:
        path = "/demo/panel/customers/2"
        async with centre.client.post(path, data=form | changes, allow_redirects=False) as reply:
            return reply.status

    assert await save() == 303
    card = await centre.get("customers/2")
    assert (card["name"], card["phone_numbers"], card["company_id"]) == ("Ewa", ["601000002", "601000003"], 1)
    assert await save(company_id="9") == 400
    assert await save(phone_number="", company_id="") == 303
    card = await centre.get("customers/2")
    assert (card["phone_numbers"], card["company_id"]) == ([], None)
    assert await save(order="delete") == 303
    await centre.get("customers/2", status=404)


async def test_a_link_to_a_page_that_may_be_framed_is_shown_as_a_tab(centre: Centre) -> None:
    tab = "http://127.0.0.1:1/embed/7/thulium:demo"
    await centre.seed(
        customers=[{"surname": "Żak", "custom_fields": {"Szanse sprzedaży": f"{tab}/customers/1"}}],
        tickets=[{"subject": "Reklamacja"}],
    )
    page = await centre.page("/demo/panel/customers/1")
    assert f'<iframe class="tab" src="{tab}/customers/1" title="Szanse sprzedaży"></iframe>' in page
    [ticket] = re.findall(r"panel/tickets/(\d+)", await centre.page("/demo/panel/tickets"))
    assert "<iframe" not in await centre.page(f"/demo/panel/tickets/{ticket}")
