"""A service on a port of its own that both simulated vendors can reach."""

from __future__ import annotations

import base64
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from io import BytesIO

from connector.app import Service
from connector.clock import Clock
from connector.flows.tenant import Tenant
from connector.jobs import Jobs
from connector.serving import serving
from tests.world import World


@dataclass
class Served:
    world: World
    service: Service
    jobs: Jobs
    origin: str

    async def knock(self, tenant: Tenant, body: bytes, *, source: str = "pipedrive", **headers: str) -> int:
        """Deliver a webhook as its sender does; gives the status."""
        installed = tenant.installed
        path, password = f"/hooks/pipedrive/{installed.hook_path}", installed.hook_password
        if source != "pipedrive":
            (centre,) = await self.service.installations.centres(tenant.id)
            path, password = f"/hooks/centre/{centre.hook_path}", centre.hook_password
        credentials = base64.b64encode(f"connector:{password}".encode()).decode()
        given = {"Authorization": f"Basic {credentials}"} | headers
        async with self.world.http.post(self.origin + path, data=BytesIO(body), headers=given) as answer:
            return answer.status


def free_port() -> int:
    with socket.socket() as port:
        port.bind(("127.0.0.1", 0))
        number: int = port.getsockname()[1]
        return number


@asynccontextmanager
async def served(world: World, clock: Clock | None = None, **changes: object) -> AsyncIterator[Served]:
    """Serve on this world; the jobs come at their product's own times unless told otherwise."""
    listen = f"127.0.0.1:{free_port()}"
    vendors = (origin.removeprefix("http://") for origin in (world.pipedrive, world.thulium))
    settings = {
        "public_url": f"http://{listen}", "listen": listen, "trusted_hosts": (*vendors, listen), "look_gap": 60,
    } | changes  # fmt: skip
    async with world.connector(clock, **settings) as service, serving(service) as jobs:
        yield Served(world, service, jobs, f"http://{listen}")
