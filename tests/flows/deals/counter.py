"""One connected installation where an agent opens deals: a customer, a ticket, and what came of it on both sides."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from connector.app import Service
from connector.flows.contacts.kinds import CUSTOMERS
from connector.flows.contacts.linking import keep_special_fields
from connector.flows.contacts.pushing import push
from connector.flows.deals.back_linking import link_back
from connector.flows.deals.healing import heal
from connector.flows.deals.making import settle_doubts
from connector.flows.deals.opening import NewDeal, Opened, Order, open_deal
from connector.flows.deals.viewing import CustomerDeals, Viewer, customer_deals
from connector.flows.tenant import Tenant
from connector.jobs import Jobs
from connector.sandbox.pipedrive.app import WORLD
from connector.sandbox.pipedrive.control import edit
from connector.sandbox.thulium.state import Ticket
from connector.serving import build_web
from connector.store.dirty import Side
from tests.bad_days.days import Day, QuickClock, open_day
from tests.serving import Served
from tests.web.agents import Agent, sign_in
from tests.world import listening

NUMBER = "+48 601 000 001"
FIELD = "Deal"
EVERYTHING = Viewer(None, sees_all=True)
WAITS: dict[str, object] = {
    "lease": 120, "first_look": 180, "look_gap": 60, "retry_waits": (30, 120), "healing_looks": (900, 7200), "pipedrive_timeout": 2,
    "thulium_timeout": 2,
}  # fmt: skip


@dataclass
class Counter:
    day: Day
    service: Service
    tenant_id: str
    customer: str
    ticket: str

    async def tenant(self) -> Tenant:
        return await self.service.tenant(self.tenant_id)

    def order(self, ordinal: int = 1, **changes: Any) -> Order:
        """What the agent wants; keys of the deal or of the order may be changed."""
        wanted = NewDeal("Nowy dach", None, None, None, None, None)
        own = {key: changes.pop(key) for key in [*changes] if key in NewDeal.__slots__}
        source = self.ticket.replace("demo/", "demo/tickets/")
        order = Order(source, ordinal, self.customer, self.ticket, replace(wanted, **own), "Anna")
        return replace(order, **changes)

    async def press(self, ordinal: int = 1, **changes: Any) -> Opened:
        order = self.order(ordinal, **changes)
        return await open_deal(await self.tenant(), self.service.operations, order)

    async def tab(self, viewer: Viewer = EVERYTHING, *, fresh: bool = True) -> CustomerDeals:
        tenant = await self.tenant()
        if fresh:
            tenant.deals_at_hand.lists.clear()
        return await customer_deals(tenant, self.customer, viewer)

    async def put_in_step(self) -> None:
        tenant = await self.tenant()
        await push(tenant, self.service.operations, CUSTOMERS, Side.CENTRE, self.customer)

    async def look(self) -> None:
        """What the scheduler does each quarter of a minute."""
        tenant = await self.tenant()
        await settle_doubts(tenant, self.service.operations)
        await heal(tenant)
        await link_back(tenant)

    async def settle(self) -> None:
        """Let time pass until nothing is under way."""
        for _ in range(12):
            await self.look()
            await self.day.move(300)
        await self.look()

    @asynccontextmanager
    async def web(self) -> AsyncIterator[Served]:
        """The service's pages, while no job runs."""
        service = self.service
        jobs = Jobs(
            service.settings, service.everyone, service.renew_grant, service.installations, service.deliveries,
            service.operations, service.access, service.devices, service.metrics, service.self_test,
        service.watch,
        )  # fmt: skip
        async with listening(build_web(service, jobs)) as origin:
            yield Served(self.day.world, service, jobs, origin)

    async def agent(self, here: Served) -> Agent:
        """The user of the sync, signed in anew."""
        tenant = await self.tenant()
        return await sign_in(here, tenant, tenant.installed.owner_user_id)

    # both sides

    def deals(self) -> list[dict[str, Any]]:
        return [row for row in self.day.company.deals.records.values() if not row["is_deleted"]]

    def deal(self) -> dict[str, Any]:
        (row,) = self.deals()
        return row

    def persons(self) -> list[dict[str, Any]]:
        return [row for row in self.day.company.persons.records.values() if not row["is_deleted"]]

    def edit(self, entity: str, action: str, **more: object) -> Any:
        """Act as a person in Pipedrive."""
        return edit(self.day.pipedrive[WORLD], {"entity": entity, "action": action, **more})

    def ticket_in_centre(self) -> Ticket:
        return self.day.system.tickets[int(self.ticket.rpartition("/")[2])]

    def link(self) -> object:
        """What the ticket's link field holds."""
        return self.ticket_in_centre().custom_fields.get(FIELD)

    def comments(self) -> list[str]:
        return [one.comment for one in self.ticket_in_centre().messages if one.comment]

    def calls(self, side: str = "pipedrive") -> list[str]:
        """The calls since they were last forgotten, ids left out of their queries."""
        return [f"{one.method} {one.target.partition('?')[0]}" for one in self.day.faults(side).log]

    def forget_calls(self) -> None:
        for side in ("pipedrive", "thulium"):
            self.day.faults(side).forget_calls()

    def page(self, deal_id: object) -> str:
        return f"https://{self.day.company.domain}.pipedrive.com/deal/{deal_id}"


@asynccontextmanager
async def open_counter(
    folder: Path,
    *,
    in_step: bool = True,
    admin: bool = True,
    field: bool = True,
    fields: bool = True,
    waits: Mapping[str, object] | None = None,
    speed: float = 10,
    **settings: Any,
) -> AsyncIterator[Counter]:
    """A counter whose waits are the product's own, at `speed` times the speed; without `fields` none of ours is made."""
    async with open_day(folder, waits={**WAITS, **(waits or {})}) as day:
        day.clock = QuickClock(speed)
        day.seed(
            customers=[{"customer_id": 7, "name": "Jan", "surname": "Próba", "phone_number": [NUMBER]}],
            ticket_fields=[{"name": FIELD}],
        )
        made = day.happen("ticket", customer_id=7, subject="Dach przecieka")
        async with day.connector() as service:
            tenant = await day.install(service, day.system.now() - timedelta(hours=1), admin=admin)
            named = {"ticket_deal_link": FIELD} if field else {}
            tenant = await day.set_up(service, tenant, **{"special_fields": named, **settings})
            if admin and fields:
                await keep_special_fields(tenant, service.installations)
            counter = Counter(day, service, tenant.id, "thulium:demo/7", f"thulium:demo/{made['id']}")
            if in_step:
                await counter.put_in_step()
            counter.forget_calls()
            yield counter
