"""What one edit costs until the other side shows it, and what a sweep costs when nothing has changed.

Webhooks are on, the contact centre answers in 100 ms and is asked at most twice a second, Pipedrive answers in 5 ms. Edits are made at the simulators' own pages,
one after another, half of them on each side; the worse direction counts.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from aiohttp import ClientSession

from connector.app import Service, open_service
from connector.contact_settings import Contacts
from connector.flows.contacts.kinds import COMPANIES, CUSTOMERS
from connector.flows.contacts.marking import in_step
from connector.flows.contacts.scanning import scan
from connector.flows.contacts.work import reader_of
from connector.flows.indexing import ensure
from connector.flows.installing import keep_subscriptions
from connector.flows.tenant import Tenant
from connector.logs import set_up
from connector.process import run
from connector.serving import serving
from connector.store.bindings import Bound, InStep
from tests.at_work import until
from tests.bench.peers import client, get, peak_rss_mb, pin, post, settings, simulator
from tests.serving import free_port
from tests.world import ADMIN_TOKEN, PASSWORD, SYSTEM, USER

ORGANIZATIONS = 1000


@dataclass
class Peers:
    """The two simulators, and how to ask them."""

    http: ClientSession
    pipedrive: str
    thulium: str

    async def requests(self) -> tuple[int, int]:
        """Reads and writes of both sides since they were last asked."""
        reads = writes = 0
        for side in (self.pipedrive, self.thulium):
            for call in await get(self.http, f"{side}/_sandbox/calls"):
                reads, writes = (reads + 1, writes) if call["method"] == "GET" else (reads, writes + 1)
            async with self.http.delete(f"{side}/_sandbox/calls"):
                pass
        return reads, writes

    async def move_clocks(self, service: Service, offset: timedelta) -> None:
        """Have it be later for all three."""
        for side in (self.pipedrive, self.thulium):
            await post(self.http, f"{side}/_sandbox/clock", {"offset_seconds": offset.total_seconds()})
        service.clock.move_to(offset)

    async def tokens(self) -> int:
        return int((await get(self.http, f"{self.pipedrive}/_sandbox/tokens"))["spent"])


async def bench(pairs: int, edits: int) -> dict[str, object]:
    """Bind everybody, sweep and scan once more, then edit one by one."""
    pin(0)
    with tempfile.TemporaryDirectory() as folder:
        async with (
            simulator("pipedrive", "--no-limits", "--latency-ms", "5") as pipedrive,
            simulator("thulium", "--latency-ms", "100") as thulium,
            client() as http,
        ):
            peers = Peers(http, pipedrive, thulium)
            people = {"persons": pairs, "organizations": ORGANIZATIONS, "open_deals": 0}
            await post(http, f"{pipedrive}/_sandbox/seed", {"seats": 400, "generate": people})
            await post(
                http,
                f"{thulium}/_sandbox/seed",
                {"generate": {"persons": pairs, "companies": ORGANIZATIONS}},
            )
            listen = f"127.0.0.1:{free_port()}"
            hosts = (*(one.removeprefix("http://") for one in (pipedrive, thulium)), listen)
            chosen = settings(
                Path(folder), pipedrive, thulium, listen=listen, public_url=f"http://{listen}",
                trusted_hosts=hosts, pipedrive_burst=False, thulium_requests_per_second=2,
            )  # fmt: skip
            async with open_service(chosen) as service:
                tenant = await _install(service)
                everybody = await _bind_everybody(tenant)
                idle = await _idle(service, tenant, peers)
                async with serving(service):
                    await keep_subscriptions(tenant, service.installations, look=True)
                    await _quiet(service, tenant)
                    measured = [
                        await _edits(service, tenant, peers, everybody[: edits // 2], edit, shown)
                        for edit, shown in (
                            (_in_centre, _in_pipedrive_shown),
                            (_in_pipedrive, _in_centre_shown),
                        )
                    ]
    return {
        "pairs": pairs,
        "reads_per_change": max(one["reads"] for one in measured),
        "writes_per_change": max(one["writes"] for one in measured),
        **idle,
        "edit_to_visible_ms_p50": round(statistics.median(ms for one in measured for ms in one["ms"]), 1),
        "worst_ms": round(max(ms for one in measured for ms in one["ms"]), 1),
        "peak_rss_mb": peak_rss_mb(),
    }


async def _install(service: Service) -> Tenant:
    arrival = await service.install_token(ADMIN_TOKEN)
    tenant = await service.tenant(arrival.installation_id)
    on = tenant.settings.model_copy(update={"switched_on": True, "contacts": Contacts(sync="on")})
    await service.installations.set_settings(tenant.id, on, seen_version=tenant.installed.settings_version)
    await service.connect_centre(tenant.id, vendor="thulium", system=SYSTEM, user=USER, password=PASSWORD)
    tenant = await service.tenant(tenant.id)
    assert in_step(tenant)
    await ensure(tenant, no_older_than=tenant.sweep_every)
    return tenant


async def _bind_everybody(tenant: Tenant) -> list[tuple[str, str]]:
    """Pair all records of both sides, in step as they are, as a first load leaves them; answers ids of customers and persons."""
    everybody: list[tuple[str, str]] = []
    (centre,) = tenant.centres.values()
    for kind, here, there in (
        (COMPANIES, tenant.pipedrive.organizations(), centre.api.companies()),
        (CUSTOMERS, tenant.pipedrive.persons(), centre.api.customers()),
    ):
        theirs = {
            _name(one): one async for page in there for one in page if not getattr(one, "is_company", False)
        }
        reader, _ = await reader_of(tenant, kind)
        async for page in here:
            pairs = []
            for crm in page:
                record = theirs[crm.name]
                bound = Bound(kind.entity, f"{centre.id}/{record.id}", crm.id)
                base = {p.key: [reader.held(p, record), reader.held(p, crm)] for p in reader.pairs}
                pairs.append(InStep(bound, base))
                if kind is CUSTOMERS:
                    everybody.append((record.id, crm.id))
            at = tenant.clock.now()
            await tenant.bindings.bind(
                {one.bound.centre_id: one.bound.crm_id for one in pairs}, at=at, entity=kind.entity
            )
            await tenant.bindings.in_step(pairs, at=at)
    return everybody


def _name(record: Any) -> str:
    return record.name if hasattr(record, "name") else f"{record.first_name} {record.last_name}".strip()


async def _idle(service: Service, tenant: Tenant, peers: Peers) -> dict[str, object]:
    """A sweep and a scan of which nothing comes, long after everybody was last edited."""
    (centre,) = tenant.centres.values()
    for hours in (1, 2, 3):
        await peers.move_clocks(service, timedelta(hours=hours))
        if hours < 3:
            await ensure(tenant, no_older_than=timedelta())
    await scan(tenant, centre)
    assert not await tenant.dirty.waiting(), await tenant.dirty.waiting()
    await peers.requests()
    before = await peers.tokens()
    await ensure(tenant, no_older_than=timedelta())
    sweep_requests, _ = await peers.requests()
    sweep_tokens = await peers.tokens() - before
    begun = time.perf_counter()
    await scan(tenant, centre)
    seconds = time.perf_counter() - begun
    scan_requests, _ = await peers.requests()
    assert not await tenant.dirty.waiting()
    return {
        "sweep_tokens": sweep_tokens, "sweep_requests": sweep_requests, "scan_requests": scan_requests,
        "scan_tokens": await peers.tokens() - before - sweep_tokens, "scan_seconds": round(seconds, 2),
    }  # fmt: skip


Edit = Callable[[Peers, str, str], Awaitable[None]]
Shown = Callable[[Peers, str, str], Awaitable[bool]]


async def _edits(
    service: Service, tenant: Tenant, peers: Peers, pairs: list[tuple[str, str]], edit: Edit, shown: Shown
) -> dict[str, Any]:
    await peers.requests()
    took = []
    for customer, person in pairs:
        begun = time.perf_counter()
        await edit(peers, customer, person)
        while not await shown(peers, customer, person):
            assert time.perf_counter() - begun < 30, "the edit never arrived"
            await asyncio.sleep(0.01)
        took.append((time.perf_counter() - begun) * 1000)
    await _quiet(service, tenant)
    reads, writes = await peers.requests()
    return {"ms": took, "reads": round(reads / len(pairs), 3), "writes": round(writes / len(pairs), 3)}


async def _quiet(service: Service, tenant: Tenant) -> None:
    """Wait until every echo was recognised."""
    for _ in range(3):
        await until(lambda: _is_idle(service, tenant), 60)
        await asyncio.sleep(0.5)


async def _is_idle(service: Service, tenant: Tenant) -> bool:
    return not await service.deliveries.waiting() and not await tenant.dirty.waiting()


async def _in_centre(peers: Peers, customer: str, _person: str) -> None:
    numbers = [_number(customer), "221110000"]
    body = {"what": "customer", "customer_id": int(customer), "phone_number": numbers}
    await post(peers.http, f"{peers.thulium}/_sandbox/happen", body)


async def _in_pipedrive_shown(peers: Peers, customer: str, person: str) -> bool:
    (row,) = await get(peers.http, f"{peers.pipedrive}/_sandbox/records?entity=person&id={person}")
    return any(_number(customer) in entry["value"] for entry in row["phones"])


def _number(customer: str) -> str:
    return f"{700_000_000 + int(customer)}"


async def _in_pipedrive(peers: Peers, _customer: str, person: str) -> None:
    changes = {"name": f"Jan {_surname(person)}"}
    body = {"entity": "person", "action": "change", "id": int(person), "changes": changes}
    await post(peers.http, f"{peers.pipedrive}/_sandbox/edit", body)


async def _in_centre_shown(peers: Peers, customer: str, person: str) -> bool:
    (row,) = await get(peers.http, f"{peers.thulium}/_sandbox/cards?id={customer}")
    return bool(row["surname"] == _surname(person))


def _surname(person: str) -> str:
    return "Z" + person.translate(str.maketrans("0123456789", "abcdefghij"))


def main() -> None:
    """Read the options and print the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=100_000)
    parser.add_argument("--edits", type=int, default=100)
    args = parser.parse_args()
    set_up("text", "ERROR")
    print(json.dumps(run(bench(args.pairs, args.edits))))


if __name__ == "__main__":
    main()
