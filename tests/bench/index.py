"""What it costs to know everybody: tokens, time and memory to fill the index, and the time of one look-up."""

from __future__ import annotations

import argparse
import json
import random
import statistics
import tempfile
import time
from pathlib import Path

from connector.app import open_service
from connector.flows.indexing import ensure
from connector.flows.tenant import Tenant
from connector.logs import set_up
from connector.process import run
from tests.bench.peers import client, get, peak_rss_mb, post, settings, simulator
from tests.world import ADMIN_TOKEN

ORGANIZATIONS = 1000
OPEN_DEALS = 500
LOOKUPS = 500
PHONE_BASE = 48601000000


async def bench(persons: int) -> dict[str, object]:
    """Fill the index of one installation from an empty database, then look numbers up one by one."""
    generate = {
        "persons": persons, "organizations": ORGANIZATIONS, "open_deals": OPEN_DEALS, "phone_base": f"+{PHONE_BASE}",
    }  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        async with simulator("pipedrive", "--no-limits") as pipedrive, client() as http:
            await post(http, f"{pipedrive}/_sandbox/seed", {"seats": 400, "generate": generate})
            async with open_service(settings(Path(folder), pipedrive, pipedrive_burst=False)) as service:
                arrival = await service.install_token(ADMIN_TOKEN)
                tenant = await service.tenant(arrival.installation_id)
                begun = time.perf_counter()
                await ensure(tenant, no_older_than=tenant.sweep_every)
                seconds = time.perf_counter() - begun
                size = await tenant.index.size()
                took = await _look_up(tenant, persons)
            tokens = int((await get(http, f"{pipedrive}/_sandbox/tokens"))["spent"])
    assert size == {"person": persons, "organization": ORGANIZATIONS, "deal": OPEN_DEALS}, size
    return {
        "persons": persons,
        "tokens": tokens,
        "seconds": round(seconds, 2),
        "peak_rss_mb": peak_rss_mb(),
        "lookup_ms_p50": round(statistics.median(took) * 1000, 3),
    }


async def _look_up(tenant: Tenant, persons: int) -> list[float]:
    chance = random.Random(1)
    took = []
    for _ in range(LOOKUPS):
        number = chance.randrange(persons)
        begun = time.perf_counter()
        key = tenant.ledger.keys.key(tenant.phones.keys(f"+{PHONE_BASE + number}")[0])
        found = await tenant.index.candidates([key])
        took.append(time.perf_counter() - begun)
        assert len(found[key]) == 1
    return took


def main() -> None:
    """Read the options and print the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--persons", type=int, default=100_000)
    args = parser.parse_args()
    set_up("text", "ERROR")
    print(json.dumps(run(bench(args.persons))))


if __name__ == "__main__":
    main()
