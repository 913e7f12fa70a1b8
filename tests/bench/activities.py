"""How fast events become activities, against a bare loop that posts the same bodies to the same simulator.

`ratio` compares activities written a second, reading, matching and ledger included, with bodies posted a second. The connector and the bare loop run on one core
and the simulators on another, as if they were on other machines.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
from aiohttp import ClientSession

from connector.app import open_service
from connector.flows.sync import sync
from connector.logs import set_up
from connector.process import run
from tests.bench.peers import client, get, install_app, peak_rss_mb, pin, post, settings, simulator
from tests.world import PASSWORD, SYSTEM, USER, switch_on

PERSONS = 2000
SENT = (
    "subject",
    "type",
    "owner_id",
    "note",
    "done",
    "busy",
    "due_date",
    "participants",
    "org_id",
    "deal_id",
)


async def bench(events: int, latency_ms: float, plan: str | None) -> dict[str, object]:
    """Seed both sides, run the flow twice, then the bare loop."""
    connections = 32 if latency_ms >= 30 else 8
    # The connector keeps to a day's tokens by itself: the largest plan has enough of them for 100,000 events.
    limits = ["--plan", plan] if plan else ["--no-limits", "--plan", "ultimate"]
    latency = ["--latency-ms", str(latency_ms)]
    until = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=5)
    since = until - timedelta(hours=max(48, events // 200))
    with tempfile.TemporaryDirectory() as folder:
        async with (
            simulator("pipedrive", *latency, *limits) as pipedrive,
            simulator("thulium", *latency) as thulium,
            client() as http,
        ):
            seeded = await post(
                http, f"{pipedrive}/_sandbox/seed", {"seats": 400, "generate": {"persons": PERSONS}}
            )
            admin = next(user["id"] for user in seeded["companies"][0]["users"] if user["admin"])
            generate = {
                "events": events, "persons": PERSONS, "unmatched": 0.10, "from": since.isoformat(),
                "to": until.isoformat(), "mix": {"call": 0.6, "message": 0.25, "chat": 0.15}, "answered": 0.7,
            }  # fmt: skip
            await post(http, f"{thulium}/_sandbox/seed", {"generate": generate})
            chosen = settings(
                Path(folder), pipedrive, thulium, pipedrive_connections=connections, thulium_connections=connections,
                pipedrive_burst=plan is not None,
            )  # fmt: skip
            async with open_service(chosen) as service:
                installation, token = await install_app(http, service, pipedrive, admin)
                await service.connect_centre(
                    installation, vendor="thulium", system=SYSTEM, user=USER, password=PASSWORD, since=since
                )
                await switch_on(service, installation)
                tenant = await service.tenant(installation)
                before = await _tokens(http, pipedrive)
                cpu, begun = time.process_time(), time.perf_counter()
                counts = await sync(tenant)
                seconds, cpu = time.perf_counter() - begun, time.process_time() - cpu
                peak = peak_rss_mb()
                written = counts["done"]
                spent = await _tokens(http, pipedrive) - before
                again = await sync(tenant, back=until - since + timedelta(hours=1))
                second = await _tokens(http, pipedrive) - before - spent
                states = await tenant.ledger.counts()
            # A stretch of the bare loop shows its pace; a short one where the plan's burst limit sets it.
            bodies = min(written, 400 if plan else 10_000)
            baseline = await _baseline(http, pipedrive, token, connections, bodies)
    assert sum(states.values()) == events, states
    assert not states["new"], states
    return {
        "events": events,
        "events_per_s": round(events / seconds, 1),
        "baseline_per_s": round(baseline, 1),
        "ratio": round(written / seconds / baseline, 3),
        "tokens_per_activity": round(spent / written, 4),
        "second_run_writes": again["done"],
        "second_run_tokens": second,
        "cpu_ms_per_event": round(cpu * 1000 / events, 3),
        "peak_rss_mb": peak,
        "activities": written,
        "seconds": round(seconds, 2),
        "states": {state: number for state, number in states.items() if number},
    }


async def _tokens(http: ClientSession, pipedrive: str) -> int:
    return int((await get(http, f"{pipedrive}/_sandbox/tokens"))["spent"])


async def _baseline(http: ClientSession, pipedrive: str, token: str, connections: int, count: int) -> float:
    """Post the bodies that the connector wrote, `connections` at once, with nothing else to do; answers posts a second."""
    rows: list[dict[str, Any]] = await get(http, f"{pipedrive}/_sandbox/activities")
    bodies = iter([orjson.dumps(_body(row)) for row in rows[:count]])
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}

    async def worker() -> None:
        for body in bodies:
            status = 429
            while status == 429:
                async with http.post(f"{pipedrive}/api/v2/activities", data=body, headers=headers) as answer:
                    await answer.read()
                    status = answer.status
                if status == 429:
                    await asyncio.sleep(0.25)
            assert status < 300, status

    begun = time.perf_counter()
    await asyncio.gather(*(worker() for _ in range(connections)))
    return min(count, len(rows)) / (time.perf_counter() - begun)


def _body(row: dict[str, Any]) -> dict[str, Any]:
    body = {key: row[key] for key in SENT if row.get(key) is not None}
    return body | {key: row[key][:5] for key in ("due_time", "duration") if row.get(key)}


def main() -> None:
    """Read the options and print the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=10_000)
    parser.add_argument("--latency-ms", type=float, default=5)
    parser.add_argument("--plan", choices=["lite", "growth", "premium", "ultimate"])
    args = parser.parse_args()
    set_up("text", "ERROR")
    pin(0)
    print(json.dumps(run(bench(args.events, args.latency_ms, args.plan))))


if __name__ == "__main__":
    main()
