"""Two simulators in step: what the tests of keeping customers and companies the same act on."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from connector.app import Service
from connector.flows.contacts.linking import keep_special_fields
from connector.flows.contacts.scanning import scan
from connector.flows.contacts.working import work_through
from connector.flows.indexing import ensure
from connector.flows.tenant import Tenant
from connector.store.dirty import Mark, Side, Urgency
from tests.world import World, ago, install

ON = {"sync": "on"}


@dataclass
class Desk:
    """One installation that keeps its contacts in step; hooks are followed only when a test says so."""

    world: World
    service: Service
    tenant_id: str

    async def tenant(self) -> Tenant:
        return await self.service.tenant(self.tenant_id)

    async def push_customer(self, customer_id: int, *, urgency: Urgency = Urgency.HOOK) -> Counter[str]:
        """As if the contact centre's webhook had named this customer."""
        return await self._push("customer", Side.CENTRE, f"thulium:demo/{customer_id}", urgency)

    async def push_company(self, company_id: int, *, urgency: Urgency = Urgency.HOOK) -> Counter[str]:
        return await self._push("company", Side.CENTRE, f"thulium:demo/{company_id}", urgency)

    async def push_person(self, person_id: int, *, urgency: Urgency = Urgency.HOOK) -> Counter[str]:
        return await self._push("customer", Side.PIPEDRIVE, str(person_id), urgency)

    async def push_organization(
        self, organization_id: int, *, urgency: Urgency = Urgency.HOOK
    ) -> Counter[str]:
        return await self._push("company", Side.PIPEDRIVE, str(organization_id), urgency)

    async def _push(self, entity: str, side: Side, record_id: str, urgency: Urgency) -> Counter[str]:
        tenant = await self.tenant()
        await tenant.dirty.mark([Mark(entity, side, record_id)], urgency=urgency, cause="test")
        return await self.work()

    async def work(self) -> Counter[str]:
        return await work_through(await self.tenant(), self.service.operations)

    async def scan(self) -> Counter[str]:
        tenant = await self.tenant()
        for centre in tenant.centres.values():
            await scan(tenant, centre)
        return await self.work()

    async def persons(self) -> list[dict[str, Any]]:
        return [one for one in await self.world.records("person") if not one["is_deleted"]]

    async def organizations(self) -> list[dict[str, Any]]:
        return [one for one in await self.world.records("organization") if not one["is_deleted"]]

    async def customers(self) -> list[dict[str, Any]]:
        """Cards of the contact centre, those of companies left out."""
        return [one for one in await self.world.cards() if not one["company_flag"]]


@asynccontextmanager
async def open_desk(world: World, service: Service, **contacts: object) -> AsyncIterator[Desk]:
    """An installation of today whose special fields are made and whose index is full."""
    tenant = await install(service, since=ago(hours=1), contacts={**ON, **contacts})
    await keep_special_fields(tenant, service.installations)
    tenant = await service.tenant(tenant.id)
    await ensure(tenant, no_older_than=tenant.sweep_every)
    yield Desk(world, service, tenant.id)
