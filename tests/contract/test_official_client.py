"""The vendor's own Node client against the simulated Pipedrive, with the judge between them."""

import asyncio
import json
import os
import sys
from pathlib import Path

from aiohttp import ClientSession
from aiohttp.test_utils import TestServer

from connector.sandbox.pipedrive.app import create_app
from connector.sandbox.pipedrive.config import demo_config
from tests.contract.checker import Checker

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


async def test_the_vendors_own_client_works_with_the_simulator_and_both_keep_to_the_files() -> None:
    assert (FOLDER / "node_modules" / "pipedrive").is_dir(), (
        f"run npm ci in {FOLDER.name}, as its README says"
    )
    checker = Checker()
    app = create_app(demo_config(), middlewares=[checker.middleware])
    async with TestServer(app) as server, ClientSession(server.make_url("/")) as session:
        logged = {"subject": "Rozmowa", "type": "call", "done": True, "note": "ref:abcdefghijklmnopqrst"}
        headers = {"x-api-token": CLIENT["API_TOKEN"]}
        async with session.post("/api/v2/activities", json=logged, headers=headers) as answer:
            activity = (await answer.json())["data"]
        process = await asyncio.create_subprocess_exec(
            NODE,
            FOLDER / "official_client.mjs",
            env=CLIENT
            | {
                "PATH": os.environ["PATH"],
                "NO_PROXY": "127.0.0.1",
                "PIPEDRIVE_URL": str(server.make_url("/")).rstrip("/"),
                "ACTIVITY_IDS": str(activity["id"]),
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
    summary = json.loads(out)
    assert {name: summary[name] for name in RECORDS[:3]} == dict.fromkeys(RECORDS[:3], 3)
    assert [{key: read[key] for key in logged} for read in summary["read"]] == [logged]
    assert set(checker.seen) == USED
    checker.assert_clean()
