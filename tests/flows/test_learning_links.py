"""How links are made is learnt from the address of a record that is there, and never guessed."""

import pytest

from connector.app import Service
from connector.flows.learning_links import learn_link
from tests.world import World, ago, install

BASE = "https://demo.example.com:8443/panel/v2"


async def test_the_part_that_is_a_records_id_becomes_the_place_of_the_id(
    world: World, service: Service
) -> None:
    tenant = await install(service)
    made = await world.happen("customer", name="Jan", surname="Kowalski", phone_number="601000001")
    learnt = await learn_link(tenant, "customer", f"{BASE}/c-77/customer/{made['id']}#tab3")
    assert (learnt.template, learnt.by) == (f"{BASE}/c-77/customer/{{id}}#tab3", str(made["id"]))


async def test_a_ticket_is_asked_for_and_a_call_looked_for_among_the_latest(
    world: World, service: Service
) -> None:
    tenant = await install(service, since=ago(hours=1))
    ticket = await world.happen("ticket", **{"from": "jan@example.com", "subject": "Dach"})
    call = await world.happen("call", number="601000001", at=ago(minutes=2).isoformat(), talk=5)
    assert (await learn_link(tenant, "ticket", f"{BASE}/t/{ticket['id']}")).template == f"{BASE}/t/{{id}}"
    learnt = await learn_link(tenant, "call", f"{BASE}/2026/11/calls?id={call['id']}")
    assert learnt.template == f"{BASE}/2026/11/calls?id={{id}}"


@pytest.mark.parametrize(
    ("of", "address", "trouble"),
    [
        ("customer", "", "no address"),
        ("customer", "javascript:alert(1)", "no address"),
        ("customer", "https://user:secret@demo.example.com/7", "no address"),
        ("customer", f"{BASE}/7" + "x" * 500, "no address"),
        ("ticket", "https://demo.example.com/tickets", "no id"),
        ("customer", f"{BASE}/customer/987654", "no record"),
        ("call", f"{BASE}/2026/calls/987654", "several"),
    ],
)
async def test_what_cannot_be_learnt_is_told_apart(
    service: Service, of: str, address: str, trouble: str
) -> None:
    tenant = await install(service)
    learnt = await learn_link(tenant, of, address)  # type: ignore[arg-type]
    assert (learnt.template, learnt.trouble) == (None, trouble)


async def test_an_old_call_is_taken_where_only_one_part_can_be_meant(service: Service) -> None:
    tenant = await install(service)
    old = "https://demo.example.com/calls/abc-1234.56"
    assert (await learn_link(tenant, "call", old)).template == "https://demo.example.com/calls/{id}"
