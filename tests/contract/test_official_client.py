"""The vendor's own Node client against the simulated Pipedrive, with the judge between them."""

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

from connector.flows.sync import sync
from tests.contract.checker import Checker
from tests.world import ago, install, open_world

FOLDER = Path(__file__).parents[1] / "node"
NODE = Path(sys.executable).parent / "node"
CLIENT = {
    "CLIENT_ID": "demo-client",
    "CLIENT_SECRET": "demo-secret",
    "REDIRECT_URI": "https://connector.example.com/callback",
    "API_TOKEN": "demo-api-token",
}
RECORDS = ("persons", "organizations", "deals", "activities")
USED = {
    "GET /oauth/authorize",
    "POST /oauth/authorize",
    "POST /oauth/token",
    "POST /oauth/token/",
    "GET /api/v1/users",
    "GET /api/v1/users/me",
    "GET /api/v1/activityTypes",
    "GET /api/v1/webhooks",
    "POST /api/v1/webhooks",
    "DELETE /api/v1/webhooks/{id}",
    *(f"{method} /api/v2/{record}" for method in ("GET", "POST") for record in RECORDS),
    *(f"{method} /api/v2/{record}/{{id}}" for method in ("GET", "PATCH", "DELETE") for record in RECORDS),
    *(f"GET /api/v2/{record}/search" for record in RECORDS[:3]),
}


async def test_the_vendors_own_client_works_with_the_simulator_and_reads_back_what_the_connector_wrote(
    tmp_path: Path,
) -> None:
    assert (FOLDER / "node_modules" / "pipedrive").is_dir(), (
        f"run npm ci in {FOLDER.name}, as its README says"
    )
    checker = Checker()
    async with open_world(tmp_path, middlewares=[checker.middleware]) as world:
        await world.seed_pipedrive(persons=[{"name": "Żaneta Łoś", "phones": ["+48 601 000 001"]}])
        await world.seed_centre(
            calls=[{"number": "601000001", "at": ago(hours=1).isoformat(), "comment": "Zażółć gęślą jaźń"}]
        )
        async with world.connector() as service:
            await sync(await install(service, since=ago(hours=2)))
        [written] = await world.activities()
        checker.seen.clear()
        summary = await _walk(world.pipedrive, written["id"])
    # The fourth person is the one that the connector's call was matched to.
    assert {name: summary[name] for name in RECORDS[:3]} == {"persons": 4, "organizations": 3, "deals": 3}
    [read] = summary["read"]
    shown = (
        "id",
        "subject",
        "type",
        "note",
        "done",
        "due_date",
        "due_time",
        "duration",
        "owner_id",
        "person_id",
    )
    assert {key: read[key] for key in shown} == {key: written[key] for key in shown}
    assert "Zażółć gęślą jaźń" in read["note"]
    assert set(checker.seen) == USED
    checker.assert_clean()


async def _walk(pipedrive: str, activity_id: int) -> dict[str, Any]:
    """Run the official client's script against `pipedrive`; gives the summary it prints."""
    process = await asyncio.create_subprocess_exec(
        NODE,
        FOLDER / "official_client.mjs",
        env=CLIENT
        | {
            "PATH": os.environ["PATH"],
            "NO_PROXY": "127.0.0.1",
            "PIPEDRIVE_URL": pipedrive,
            "ACTIVITY_IDS": str(activity_id),
        },
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        out, err = await asyncio.wait_for(process.communicate(), 60)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, err.decode()
    summary: dict[str, Any] = json.loads(out)
    return summary
