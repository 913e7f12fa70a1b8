"""How fast an agent sees a customer's deals, and what a tab and a new deal cost, simulators answering in 50 ms.

`tab_ms_p95` is the page as a browser gets it while the customer's deals are at hand, `tab_cold_ms_p95` for customers whom
nobody has looked at; `tab_cold_calls` are the most calls of Pipedrive that such a tab made, `deal_tokens` the most that
a deal cost which was opened from a ticket of a customer in step.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import ClientSession, web

from connector.app import Service, open_service
from connector.flows.contacts.kinds import CUSTOMERS
from connector.flows.contacts.linking import keep_special_fields
from connector.flows.contacts.pushing import push
from connector.flows.deals.catalogue import keep_catalogue
from connector.flows.deals.opening import NewDeal, Order, Result, open_deal
from connector.flows.tenant import Tenant
from connector.installation_settings import InstallationSettings
from connector.jobs import Jobs
from connector.serving import build_web
from connector.store.access import Who
from connector.store.dirty import Side
from tests.bench.peers import client, get, install_app, p95, post, settings, simulator, tell
from tests.world import PASSWORD, SYSTEM, USER

LATENCY_MS = "50"
WARM_ROUNDS = 5
#: Simulators and the connector share the machine with nobody else's cards: so many are opened at once.
AT_ONCE = 4
FIELDS = {"customer_deals_page": "Pipedrive", "ticket_deal_link": "Deal"}


async def bench(customers: int) -> dict[str, object]:
    """Put customers in step, then open the tab of each, and open a deal for each."""
    latency = ["--latency-ms", LATENCY_MS]
    with tempfile.TemporaryDirectory() as folder:
        async with (
            simulator("pipedrive", *latency, "--no-limits", "--plan", "ultimate") as pipedrive,
            simulator("thulium", *latency) as thulium,
            client() as http,
        ):
            seeded = await post(http, f"{pipedrive}/_sandbox/seed", {})
            admin = next(user["id"] for user in seeded["companies"][0]["users"] if user["admin"])
            await _seed_centre(http, thulium, customers)
            chosen = settings(Path(folder), pipedrive, thulium, pipedrive_burst=False, thulium_connections=16)
            async with open_service(chosen) as service:
                installation, _ = await install_app(http, service, pipedrive, admin)
                await service.connect_centre(
                    installation, vendor="thulium", system=SYSTEM, user=USER, password=PASSWORD
                )
                tenant = await _set_up(service, installation, customers)
                async with pages_of(service) as origin:
                    tabs = _Tabs(http, service, tenant, origin, pipedrive)
                    await tabs.sign_in(str(admin))
                    shown = await tabs.measure(customers)
                    tokens = [await tabs.open_deal(number) for number in range(1, customers + 1)]
    return shown | {"deal_tokens": max(tokens), "customers": customers}


async def _seed_centre(http: ClientSession, thulium: str, customers: int) -> None:
    numbers = range(1, customers + 1)
    cards = [
        {
            "customer_id": n, "name": "Jan", "surname": f"Próba {n}", "phone_number": [f"+4860100{n:04}"],
        }
        for n in numbers
    ]  # fmt: skip
    tickets = [{"ticket_id": 5000 + n, "customer_id": n, "subject": "Dach"} for n in numbers]
    fields = {"ticket_fields": [{"name": "Deal"}], "customer_fields": [{"name": "Pipedrive"}]}
    await post(http, f"{thulium}/_sandbox/seed", {"customers": cards, "tickets": tickets, **fields})


async def _set_up(service: Service, installation: str, customers: int) -> Tenant:
    tenant = await service.tenant(installation)
    document = InstallationSettings.model_validate({"special_fields": FIELDS})
    await service.installations.set_settings(
        installation, document, seen_version=tenant.installed.settings_version
    )
    await keep_special_fields(await service.tenant(installation), service.installations)
    tenant = await service.tenant(installation)
    for number in range(1, customers + 1):
        await push(tenant, service.operations, CUSTOMERS, Side.CENTRE, f"thulium:{SYSTEM}/{number}")
    await keep_catalogue(tenant)  # as each quarter of a minute
    return tenant


@asynccontextmanager
async def pages_of(service: Service) -> AsyncIterator[str]:
    """The HTTP side alone, on a port of loopback."""
    jobs = Jobs(
        service.settings, service.everyone, service.renew_grant, service.installations, service.deliveries,
        service.operations, service.access, service.devices, service.metrics, service.self_test,
        service.watch,
    )  # fmt: skip
    runner = web.AppRunner(build_web(service, jobs), access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


class _Tabs:
    """A browser that opens tabs."""

    def __init__(
        self, http: ClientSession, service: Service, tenant: Tenant, origin: str, pipedrive: str
    ) -> None:
        self._http, self._service, self._tenant, self._pipedrive = http, service, tenant, pipedrive
        self._path = f"{origin}/embed/{tenant.id}/thulium:{SYSTEM}/customers"
        self._cookie = ""

    async def sign_in(self, user_id: str) -> None:
        """Begin the session of an agent."""
        who = Who(self._tenant.id, user_id, None, "Anna")
        self._cookie = f"session={await self._service.access.begin(who)}"

    async def measure(self, customers: int) -> dict[str, object]:
        """Each tab cold and then warm."""
        cold, calls = [], 0
        for number in range(1, customers + 1):
            before = len(await get(self._http, f"{self._pipedrive}/_sandbox/calls"))
            cold.append(await self._open(number))
            calls = max(calls, len(await get(self._http, f"{self._pipedrive}/_sandbox/calls")) - before)
        warm: list[float] = []
        for first in range(1, customers + 1, AT_ONCE):
            numbers = range(first, min(first + AT_ONCE, customers + 1))
            await asyncio.gather(*map(self._open, numbers))
            for _ in range(WARM_ROUNDS):
                warm += await asyncio.gather(*map(self._open, numbers))
        return {"tab_ms_p95": p95(warm), "tab_cold_calls": calls, "tab_cold_ms_p95": p95(cold)}

    async def _open(self, number: int) -> float:
        begun = time.perf_counter()
        async with self._http.get(f"{self._path}/{number}", headers={"Cookie": self._cookie}) as answer:
            shown = await answer.text()
        assert answer.status == 200, shown[:500]
        assert "Próba" in shown
        return (time.perf_counter() - begun) * 1000

    async def open_deal(self, number: int) -> int:
        """Open a deal as an agent does who has looked at the tab; answers its tokens."""
        await self._open(number)
        before = await self._tokens()
        key = f"thulium:{SYSTEM}"
        order = Order(
            f"{key}/tickets/{5000 + number}", 1, f"{key}/{number}", f"{key}/{5000 + number}",
            NewDeal("Dach", None, None, None, None, None), "Anna",
        )  # fmt: skip
        opened = await open_deal(self._tenant, self._service.operations, order)
        assert (opened.result, opened.back_link) == (Result.MADE, "field"), opened
        return await self._tokens() - before

    async def _tokens(self) -> int:
        return int((await get(self._http, f"{self._pipedrive}/_sandbox/tokens"))["spent"])


if __name__ == "__main__":
    tell(__doc__, bench, customers=24)
