"""What it costs to load everybody of one side into the other: tokens of reading and writing, time and memory."""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from aiohttp import ClientSession

from connector.app import Service, open_service
from connector.flows.contacts.loading import previewed, run_load, tie_together
from connector.logs import set_up
from connector.process import run
from connector.store.dirty import Side
from connector.store.loads import Loaded, Phase
from tests.bench.peers import client, get, peak_rss_mb, post, settings, simulator
from tests.world import ADMIN_TOKEN, PASSWORD, SYSTEM, USER

ORGANIZATIONS = 1000
OPEN_DEALS = 500
#: Of a load from the contact centre, so many are in Pipedrive already.
KNOWN = 0.5


async def bench(persons: int, source: Side) -> dict[str, object]:
    """Load `persons` from an empty database; both vendors are asked in the end what they hold."""
    with tempfile.TemporaryDirectory() as folder:
        async with (
            simulator("pipedrive", "--no-limits") as pipedrive,
            simulator("thulium") as thulium,
            client() as http,
        ):
            await _seed(http, pipedrive, thulium, persons, source)
            options = settings(Path(folder), pipedrive, thulium, pipedrive_burst=False)
            async with open_service(options) as service:
                begun = time.perf_counter()
                ended = await _load(service, source)
                seconds, memory = time.perf_counter() - begun, peak_rss_mb()
            spent = await get(http, f"{pipedrive}/_sandbox/tokens")
            written = await _nobody_twice(http, pipedrive, thulium, persons)
    assert ended.state is Phase.FINISHED, ended
    by_operation = Counter({name: int(tokens) for name, tokens in spent["by_operation"].items()})
    writing = sum(tokens for name, tokens in by_operation.items() if not name.startswith("GET"))
    return {
        "records": persons,
        "read_tokens": int(spent["spent"]) - writing,
        "write_tokens_per_record": round(writing / max(written, 1), 3),
        "peak_rss_mb": memory,
        "seconds": round(seconds, 1),
    }


async def _seed(http: ClientSession, pipedrive: str, thulium: str, persons: int, source: Side) -> None:
    """Pipedrive's persons with their organizations; of a load from the contact centre, half of them on both sides."""
    both = source is Side.CENTRE
    there = int(persons * KNOWN) if both else persons
    generate = {"persons": there, "organizations": ORGANIZATIONS, "open_deals": OPEN_DEALS}
    await post(http, f"{pipedrive}/_sandbox/seed", {"seats": 400, "generate": generate})
    if both:
        generate = {"persons": persons, "companies": ORGANIZATIONS}
        await post(http, f"{thulium}/_sandbox/seed", {"generate": generate})


async def _load(service: Service, source: Side) -> Loaded:
    arrival = await service.install_token(ADMIN_TOKEN)
    await service.connect_centre(
        arrival.installation_id, vendor="thulium", system=SYSTEM, user=USER, password=PASSWORD
    )
    tenant = await service.tenant(arrival.installation_id)
    document = tenant.settings.model_copy(
        update={"contacts": tenant.settings.contacts.model_copy(update={"sync": "on"})}
    )
    await service.installations.set_settings(
        tenant.id, document, seen_version=tenant.installed.settings_version
    )
    tenant = await service.tenant(tenant.id)
    load = await previewed(tenant, source, lambda _: None)
    tenant = await tie_together(tenant, service.installations, load)
    return await run_load(tenant, service.operations, load, asyncio.Event(), lambda _: None)


async def _nobody_twice(http: ClientSession, pipedrive: str, thulium: str, persons: int) -> int:
    """See that both sides hold everybody once; answers how many records of Pipedrive were written."""
    people: list[dict[str, Any]] = await get(http, f"{pipedrive}/_sandbox/records?entity=person")
    cards = [one for one in await get(http, f"{thulium}/_sandbox/cards") if not one["company_flag"]]
    assert len(people) == persons, len(people)
    assert len(cards) == persons, len(cards)
    emails = [entry["value"] for one in people for entry in one["emails"]]
    assert len(set(emails)) == persons, "a person was made twice"
    assert {email for one in cards for email in one["emails"]} == set(emails), "the two sides differ"
    named = {value for one in people for value in one["custom_fields"].values() if value is not None}
    assert named == {one["customer_id"] for one in cards}, "somebody is not tied to their counterpart"
    organizations = await get(http, f"{pipedrive}/_sandbox/records?entity=organization")
    assert len(organizations) == ORGANIZATIONS, len(organizations)
    return persons + len(organizations)


def main() -> None:
    """Read the options and print the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--persons", type=int, default=100_000)
    parser.add_argument("--from", dest="source", default=Side.PIPEDRIVE, type=Side, choices=list(Side))
    args = parser.parse_args()
    set_up("text", "ERROR")
    print(json.dumps(run(bench(args.persons, args.source))))


if __name__ == "__main__":
    main()
