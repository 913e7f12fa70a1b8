"""How fast a click rings a phone and a ringing phone is named, and what 5,000 idle lines cost, all of them open meanwhile.

The service runs in a process and on a core of its own; clients and the simulated contact centre share another process, and
so a clock. `click_to_dial_ms_p95` is from the order's leaving the client to its arrival at the contact centre, the own limit
of requests a second off; `ring_to_notice_ms_p95` from a hook's being posted to the message with person, organization and deal, Pipedrive
answering each of its reads in 50 ms and none of them asked before. `rss_mb_5000_sockets` is the whole service's memory with
the lines open and pinged, `rss_mb_start` before the first.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import math
import multiprocessing
import resource
import secrets
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import psutil
from aiohttp import ClientSession, web
from aiohttp.typedefs import Handler
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from connector.app import Service, open_service
from connector.flows.indexing import ensure
from connector.installation_settings import InstallationSettings
from connector.logs import set_up
from connector.process import run
from connector.sandbox.thulium.app import create_app
from connector.serving import serving
from tests.bench.peers import client, install_app, pin, post, settings, simulator
from tests.serving import free_port
from tests.world import PASSWORD, SYSTEM, USER, listening

ZONE = InstallationSettings().tz
EACH = 8
CLICKS = RINGS = 150
LATENCY_MS = "50"
#: As many lines are being opened at once.
AT_ONCE = 50
#: Until every line was pinged, and a little longer.
IDLE_S = 22.0
WAIT_S = 5.0


@dataclass(frozen=True)
class _Serving:
    """What the service tells when it is ready."""

    origin: str
    tokens: Sequence[str]
    hook: str
    authorization: str


def _more_files() -> None:
    """Room for every line in this process; the product leaves that to whoever runs it."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


# the service


def _server(pipe: Connection, folder: str, pipedrive: str, thulium: str, admin: int, agents: int) -> None:
    _more_files()
    set_up("text", "ERROR")
    pin(0)
    run(_serve(pipe, folder, pipedrive, thulium, admin, agents))


async def _serve(
    pipe: Connection, folder: str, pipedrive: str, thulium: str, admin: int, agents: int
) -> None:
    listen = f"127.0.0.1:{free_port()}"
    chosen = settings(Path(folder), pipedrive, thulium, listen=listen, public_url=f"http://{listen}")
    async with open_service(chosen) as service:
        ready = await _prepare(service, pipedrive, admin, agents)
        async with serving(service):
            pipe.send(ready)
            await asyncio.to_thread(pipe.recv)


async def _prepare(service: Service, pipedrive: str, admin: int, agents: int) -> _Serving:
    """Install, fill the index, and pair a device of each agent."""
    async with client() as http:
        installation, _ = await install_app(http, service, pipedrive, admin)
    await service.connect_centre(installation, vendor="thulium", system=SYSTEM, user=USER, password=PASSWORD)
    tenant = await service.tenant(installation)
    document = InstallationSettings.model_validate({"switched_on": True})
    version = tenant.installed.settings_version
    assert await service.installations.set_settings(installation, document, seen_version=version)
    tenant = await service.tenant(installation)
    await ensure(tenant, no_older_than=timedelta())
    await tenant.people()
    tokens = []
    for n in range(agents):
        _, token = await service.devices.pair(
            installation, f"thulium:{SYSTEM}/a{n}", user_id=None, name="Bench", client="terminal", origin=""
        )
        tokens.append(token)
    (centre,) = await service.installations.centres(installation)
    authorization = "Basic " + base64.b64encode(f"connector:{centre.hook_password}".encode()).decode()
    return _Serving(service.settings.public_url, tokens, f"/hooks/centre/{centre.hook_path}", authorization)


# its clients


class _Line:
    """An open line, which answers pings and keeps what else it is told."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self._told: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.hearing = asyncio.create_task(self._hear())

    async def _hear(self) -> None:
        with suppress(ConnectionClosed):
            async for text in self.socket:
                said = json.loads(text)
                if said["type"] == "ping":
                    await self.socket.send('{"type":"pong"}')
                else:
                    self._told.put_nowait(said)

    async def until(self, kind: str, **call: object) -> dict[str, Any]:
        """The next message of that type whose call has these."""
        async with asyncio.timeout(WAIT_S):
            while True:
                said = await self._told.get()
                has = said.get("call", {})
                if said["type"] == kind and all(has.get(key) == value for key, value in call.items()):
                    return said


async def _open(serving_: _Serving, sockets: int) -> list[_Line]:
    address = serving_.origin.replace("http", "ws", 1) + "/line"

    async def one(n: int) -> _Line:
        named = [Subprotocol("connector.v1"), Subprotocol("bearer." + serving_.tokens[n // EACH])]
        line = _Line(await connect(address, subprotocols=named, compression=None, ping_interval=None))
        await line.until("calls")
        return line

    lines: list[_Line] = []
    for first in range(0, sockets, AT_ONCE):
        lines += await asyncio.gather(*(one(n) for n in range(first, min(first + AT_ONCE, sockets))))
    return lines


async def _click(lines: Sequence[_Line], arrived: dict[str, float]) -> list[float]:
    """Each of so many agents dials a number of his own."""
    times = []
    for n in range(CLICKS):
        order = {
            "type": "dial", "id": secrets.token_hex(8), "number": f"+4860200{n:04}", "record": None, "source": "link",
        }  # fmt: skip
        begun = time.perf_counter()
        await lines[n * EACH].socket.send(json.dumps(order))
        answer = await lines[n * EACH].until("dialled")
        assert answer["call"]["state"] != "failed", answer
        times.append((arrived[f"a{n}"] - begun) * 1000)
    return times


async def _ring(http: ClientSession, serving_: _Serving, lines: Sequence[_Line]) -> list[float]:
    """So many other agents are rung by persons that Pipedrive knows."""
    times = []
    headers = {"Authorization": serving_.authorization}
    for n in range(RINGS):
        agent = CLICKS + n
        hook = {
            "action": "AGENT_RINGING", "connection_id": f"1772442005.{n}", "queue_id": "1", "agent_login": f"a{agent}",
            "source_number": f"60100{n:04}", "destination_number": "221234567",
            "date": f"{datetime.now(ZONE):%Y-%m-%d %H:%M:%S}",
        }  # fmt: skip
        begun = time.perf_counter()
        async with http.post(serving_.origin + serving_.hook, data=hook, headers=headers) as answer:
            assert answer.status == 202, answer.status
        said = await lines[agent * EACH].until("call", known=True)
        times.append((time.perf_counter() - begun) * 1000)
        (found,) = said["call"]["candidates"]
        wanted = f"Jan Próba {n}", f"Firma {n}", f"Dach {n}"
        assert (found["name"], found["organization"], found["deal"]["title"]) == wanted, found
    return times


# the bench


async def bench(folder: str, sockets: int) -> dict[str, object]:
    """Open the lines, leave them idle, then click and ring."""
    agents, arrived = max(math.ceil(sockets / EACH), CLICKS + RINGS), dict[str, float]()

    @web.middleware
    async def note_arrival(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.method == "POST" and request.path.endswith("/call"):
            arrived[request.path.split("/")[-2]] = time.perf_counter()
        return await handler(request)

    options = ("--latency-ms", LATENCY_MS, "--no-limits", "--plan", "ultimate")
    async with (
        simulator("pipedrive", *options) as pipedrive,
        listening(create_app(middlewares=[note_arrival])) as thulium,
        client() as http,
    ):
        admin = await _seed(http, pipedrive, thulium, agents)
        ours, theirs = multiprocessing.Pipe()
        process = multiprocessing.get_context("spawn").Process(
            target=_server, args=(theirs, folder, pipedrive, thulium, admin, agents)
        )
        process.start()
        try:
            ready: _Serving = await asyncio.to_thread(ours.recv)
            service = psutil.Process(process.pid)
            start = _rss_mb(service)
            lines = await _open(ready, max(sockets, (CLICKS + RINGS) * EACH))
            await asyncio.sleep(IDLE_S)
            idle = _rss_mb(service)
            clicks, rings = await _click(lines, arrived), await _ring(http, ready, lines)
            for line in lines:
                line.hearing.cancel()
            ours.send("stop")
            await asyncio.to_thread(process.join, 30)
        finally:
            process.kill()
    return {
        "click_to_dial_ms_p95": _p95(clicks), "ring_to_notice_ms_p95": _p95(rings), "rss_mb_5000_sockets": idle,
        "rss_mb_start": start, "sockets": len(lines), "click_to_dial_ms_p50": _p50(clicks),
        "ring_to_notice_ms_p50": _p50(rings),
    }  # fmt: skip


async def _seed(http: ClientSession, pipedrive: str, thulium: str, agents: int) -> int:
    """Agents there, persons with organization and deal here; gives the administrator."""
    workers = [
        {"login": f"a{n}", "name": "Anna", "surname": f"Nowak {n}", "email": f"a{n}@example.com"} for n in range(agents)
    ]  # fmt: skip
    await post(http, f"{thulium}/_sandbox/seed", {"agents": workers})
    numbers = range(RINGS)
    people = {
        "organizations": [{"name": f"Firma {n}"} for n in numbers],
        "persons": [
            {"name": f"Jan Próba {n}", "phones": [f"+4860100{n:04}"], "org": f"Firma {n}"} for n in numbers
        ],
        "deals": [{"title": f"Dach {n}", "person": f"Jan Próba {n}"} for n in numbers],
    }
    seeded = await post(http, f"{pipedrive}/_sandbox/seed", people)
    admin: int = next(user["id"] for user in seeded["companies"][0]["users"] if user["admin"])
    return admin


def _rss_mb(process: psutil.Process) -> float:
    return round(process.memory_info().rss / 2**20, 1)


def _p95(times: Sequence[float]) -> float:
    return round(sorted(times)[math.ceil(len(times) * 0.95) - 1], 1)


def _p50(times: Sequence[float]) -> float:
    return round(sorted(times)[len(times) // 2], 1)


def main() -> None:
    """Read the options and print the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sockets", type=int, default=5000, help="so many lines are open")
    args = parser.parse_args()
    set_up("text", "ERROR")
    _more_files()
    pin(1)
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(run(bench(folder, args.sockets))))


if __name__ == "__main__":
    main()
