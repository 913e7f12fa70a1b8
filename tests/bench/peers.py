"""What the benchmarks share: simulators in their own processes, what this process has used, and how a result is told."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import signal
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiohttp import ClientSession, TCPConnector
from yarl import URL

from connector.app import Service
from connector.logs import set_up
from connector.pipedrive.oauth import redirect_uri
from connector.process import run
from connector.settings import Settings
from connector.tokens import unpack_tokens
from tests.world import KEY

_CORES = sorted(os.sched_getaffinity(0))


def pin(core: int, process: int = 0) -> None:
    """Keep `process` (this one where none is named) on one core, so that what shares the machine disturbs it less."""
    os.sched_setaffinity(process, {_CORES[core % len(_CORES)]})


@asynccontextmanager
async def simulator(name: str, *options: str) -> AsyncIterator[str]:
    """Run the simulator `name` in a process of its own; gives its origin."""
    module = f"connector.sandbox.{name}"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", module, "--port", "0", *options, stdout=asyncio.subprocess.PIPE
    )
    pin(1, process.pid)
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


async def install_app(http: ClientSession, service: Service, pipedrive: str, user_id: int) -> tuple[str, str]:
    """Install over OAuth as `user_id`, whose burst limit is that of an app; gives installation and access token."""
    form = {
        "client_id": "demo-client", "redirect_uri": redirect_uri(service.settings), "state": "bench",
        "user": str(user_id), "decision": "allow",
    }  # fmt: skip
    async with http.post(f"{pipedrive}/oauth/authorize", data=form, allow_redirects=False) as consent:
        code = URL(consent.headers["Location"]).query["code"]
    arrival = await service.install_code(code)
    grant = await service.installations.grant(arrival.installation_id, arrival.user_id)
    assert grant is not None
    assert grant.tokens is not None
    return arrival.installation_id, unpack_tokens(grant.tokens).access_token


def settings(folder: Path, pipedrive: str, thulium: str = "http://127.0.0.1:1", **changes: Any) -> Settings:
    """Settings of a connector on simulators, the contact centre's own limit off."""
    hosts = tuple(origin.removeprefix("http://") for origin in (pipedrive, thulium))
    values: dict[str, Any] = {
        "database_url": f"sqlite:///{folder / 'bench.db'}", "secret_keys": (KEY,), "trusted_hosts": hosts,
        "pipedrive_api_url": pipedrive, "pipedrive_oauth_url": pipedrive, "thulium_url": thulium + "/{system}",
        "pipedrive_client_id": "demo-client", "pipedrive_client_secret": "demo-secret", "pipedrive_daily_share": 1.0, "thulium_requests_per_second": 0, "log_level": "ERROR",
    }  # fmt: skip
    return Settings(_env_file=None, **{**values, **changes})


def peak_rss_mb() -> float:
    """The most memory this process has held, in megabytes."""
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)


def p95(times: Sequence[float]) -> float:
    """The time that 95 of a hundred do not exceed."""
    return round(sorted(times)[int(len(times) * 0.95)], 1)


def tell(
    about: str | None, bench: Callable[..., Coroutine[object, object, dict[str, object]]], **numbers: int
) -> None:
    """Run a benchmark with these numbers, or others from the command line, and print its result as JSON."""
    parser = argparse.ArgumentParser(description=about)
    for name, number in numbers.items():
        parser.add_argument(f"--{name}", type=int, default=number)
    given = vars(parser.parse_args())
    set_up("text", "ERROR")
    pin(0)
    print(json.dumps(run(bench(**given))))
