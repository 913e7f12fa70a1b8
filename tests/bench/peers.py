"""What the benchmarks share: simulators in their own processes, and what this process has used."""

from __future__ import annotations

import asyncio
import json
import resource
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiohttp import ClientSession, TCPConnector

from connector.settings import Settings
from tests.world import KEY


@asynccontextmanager
async def simulator(name: str, *options: str) -> AsyncIterator[str]:
    """Run the simulator `name` in a process of its own; gives its origin."""
    module = f"connector.sandbox.{name}"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", module, "--port", "0", *options, stdout=asyncio.subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        yield json.loads(await asyncio.wait_for(process.stdout.readline(), 20))["listening"]
    finally:
        process.send_signal(signal.SIGTERM)
        await process.wait()


@asynccontextmanager
async def client(connections: int = 16) -> AsyncIterator[ClientSession]:
    """A plain HTTP client for seeding and for baselines."""
    async with ClientSession(connector=TCPConnector(limit=connections)) as session:
        yield session


async def post(http: ClientSession, url: str, body: object) -> Any:
    """POST a control endpoint."""
    async with http.post(url, json=body) as answer:
        assert answer.status < 300, (answer.status, (await answer.text())[:500])
        return await answer.json()


async def get(http: ClientSession, url: str) -> Any:
    """GET a control endpoint."""
    async with http.get(url) as answer:
        assert answer.status < 300, (answer.status, (await answer.text())[:500])
        return await answer.json()


def settings(folder: Path, pipedrive: str, thulium: str = "http://127.0.0.1:1", **changes: Any) -> Settings:
    """Settings of a connector on simulators, the contact centre's own limit off."""
    hosts = tuple(origin.removeprefix("http://") for origin in (pipedrive, thulium))
    values: dict[str, Any] = {
        "database_url": f"sqlite:///{folder / 'bench.db'}", "secret_keys": (KEY,), "trusted_hosts": hosts,
        "pipedrive_api_url": pipedrive, "pipedrive_oauth_url": pipedrive, "thulium_url": thulium + "/{system}",
        "pipedrive_daily_share": 1.0, "thulium_requests_per_second": 0, "log_level": "ERROR",
    }  # fmt: skip
    return Settings(_env_file=None, **{**values, **changes})


def peak_rss_mb() -> float:
    """The most memory this process has held, in megabytes."""
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)
