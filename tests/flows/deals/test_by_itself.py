"""What the running service does for a deal while nobody looks, and how it finds what is due."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from datetime import timedelta

import pytest
from sqlalchemy import Connection, Engine, event

from connector.app import Service
from connector.flows.contacts.linking import keep_special_fields
from connector.flows.deals import back_linking
from connector.flows.deals.opening import NewDeal, Order, Result, open_deal
from connector.flows.tenant import Tenant
from connector.store.opened import Link, State
from tests.at_work import NUMBER, change, until
from tests.flows.deals.counter import Counter
from tests.serving import served
from tests.world import World, ago, install


@asynccontextmanager
async def at_work(world: World) -> AsyncIterator[tuple[Service, Tenant]]:
    """A service by itself, and a ticket whose field leads to its deal."""
    await world.seed_centre(
        customers=[{"customer_id": 7, "name": "Jan", "surname": "Próba", "phone_number": [NUMBER]}],
        tickets=[{"ticket_id": 9, "customer_id": 7, "subject": "Dach"}], ticket_fields=[{"name": "Deal"}],
    )  # fmt: skip
    async with served(world, look_gap=0.1, lease=60) as here:
        service = here.service
        tenant = await install(service, since=ago(hours=1), special_fields={"ticket_deal_link": "Deal"})
        await keep_special_fields(tenant, service.installations)
        tenant = await service.tenant(tenant.id)
        yield service, tenant


async def test_a_closed_page_loses_nothing(world: World) -> None:
    """The answer is lost, the page is closed: the service looks, sends again and links the deal back."""
    async with at_work(world) as (service, tenant):
        await world.fault("pipedrive", "reset_before", method="POST", path="/api/v2/deals$")
        wanted = NewDeal("Dach", None, None, None, None, None)
        order = Order("thulium:demo/tickets/9", 1, "thulium:demo/7", "thulium:demo/9", wanted, "Anna")
        assert (await open_deal(tenant, service.operations, order)).result is Result.IN_DOUBT

        async def linked() -> bool:
            rows = await tenant.deals.of_ticket("thulium:demo/9")
            return [row.link_state for row in rows] == [Link.FIELD]

        await until(linked)
    posts = [call for call in await world.calls("pipedrive") if call["method"] == "POST"]
    assert sum(call["path"] == "/api/v2/deals" for call in posts) == 2


async def test_a_contact_centre_that_hangs_keeps_no_deal_in_doubt(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While a link waits for its answer, what was sent without one is looked for all the same."""
    monkeypatch.setattr(back_linking, "_SECONDS", 0.05)
    async with at_work(world) as (service, tenant):
        await world.fault("thulium", "delay", seconds=20, method="PUT", path="tickets/9", times=9)

        async def open_one(ordinal: int, title: str) -> Result:
            wanted = NewDeal(title, None, None, None, None, None)
            source, key = "thulium:demo/tickets/9", "thulium:demo/9"
            order = Order(source, ordinal, "thulium:demo/7", key, wanted, "Anna")
            return (await open_deal(tenant, service.operations, order)).result

        assert await open_one(1, "Dach") is Result.MADE
        change(
            world, "UPDATE opened_deal SET link_not_before = NULL WHERE installation_id = :id", id=tenant.id
        )

        async def link_is_tried() -> bool:
            return not await tenant.deals.links_due()

        await until(link_is_tried)
        await world.fault("pipedrive", "reset_before", method="POST", path="/api/v2/deals$")
        assert await open_one(2, "Okna") is Result.IN_DOUBT

        async def settled() -> bool:
            return [row.state for row in await tenant.deals.of_ticket("thulium:demo/9")] == [State.MADE] * 2

        await until(settled)
        assert [row.link_state for row in await tenant.deals.of_ticket("thulium:demo/9")] == [Link.DUE] * 2


async def test_what_is_due_is_found_by_its_index(counter: Counter) -> None:
    heard: list[tuple[str, object]] = []

    def hear(_db: Connection, _cursor: object, statement: str, given: object, *_: object) -> None:
        heard.append((statement, given))

    tenant = await counter.tenant()
    event.listen(Engine, "before_cursor_execute", hear)
    try:
        await tenant.deals.due()
        await tenant.deals.links_due()
        await tenant.deals.to_heal()
        await tenant.deals.of_ticket(counter.ticket)
        await tenant.deals.of_deal("1")
        await tenant.deals.made_for(counter.customer, since=tenant.clock.now())
    finally:
        event.remove(Engine, "before_cursor_execute", hear)
    with closing(sqlite3.connect(counter.day.world.database)) as db:
        plans = [step[3] for one, given in heard for step in db.execute(f"EXPLAIN QUERY PLAN {one}", given)]  # type: ignore[arg-type]
    for name in ("sending", "link", "heal", "ticket", "deal", "customer"):
        assert any(f"ix_opened_deal_{name} " in plan for plan in plans), (name, plans)


async def test_what_is_sent_is_kept_only_until_it_is_known_to_be_there(counter: Counter) -> None:
    await counter.press()
    tenant = await counter.tenant()
    [row] = await tenant.deals.of_ticket(counter.ticket)
    assert row.body is None
    counter.day.fault("pipedrive", method="POST", path="^/api/v2/deals$", kind="reset_before")
    await counter.press(2, title="Okna")
    row = (await tenant.deals.of_ticket(counter.ticket))[1]
    assert row.body is not None
    for _ in range(6):
        await counter.look()
        await counter.day.move(timedelta(hours=1).total_seconds())
    assert [row.body for row in await tenant.deals.of_ticket(counter.ticket)] == [None, None]
