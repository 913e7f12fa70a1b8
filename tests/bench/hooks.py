"""How many webhooks a second are taken in: encrypted, durable, then acknowledged; against a handler that only reads
and authenticates.

The server runs on one core, and the callers wherever there is room; both servers get the same requests.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import hmac
import json
import multiprocessing
import tempfile
import time
from multiprocessing.connection import Connection
from pathlib import Path

import uvloop
from aiohttp import web

from connector.clock import Clock
from connector.logs import set_up
from connector.process import run
from connector.store.database import Database
from connector.store.migrations import migrate
from connector.store.operations import Deliveries
from connector.store.vault import Vault
from connector.web.hooks import Door, routes
from connector.web.middleware import middlewares
from tests.bench.peers import pin, settings

CONNECTIONS = 64
SECONDS = 4.0
PATH = "unguessable-path-of-the-installation"
BODY = json.dumps(
    {"meta": {"entity": "person", "entity_id": "8", "action": "change"}, "data": {"x": "x" * 900}}
).encode()
AUTHORIZATION = b"Basic " + base64.b64encode(b"connector:secret")


async def _serve(pipe: Connection, folder: str, *, bare: bool) -> None:
    chosen = settings(Path(folder), "http://127.0.0.1:1")
    clock = Clock()
    database = None
    if bare:
        app = web.Application()
        app.router.add_post("/hooks/pipedrive/{path}", _bare)
    else:
        await asyncio.to_thread(migrate, chosen.database_url)
        database = Database(chosen.database_url)
        deliveries = Deliveries(database, Vault(chosen.secret_keys), clock)
        doors = {PATH: Door.for_basic("1", "pipedrive", "connector", "secret")}
        app = web.Application(middlewares=middlewares(chosen))
        app.add_routes(routes(doors, deliveries, lambda: None, _nothing, lambda *_: None))
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, backlog=256).start()
    pipe.send(runner.addresses[0][1])
    await asyncio.to_thread(pipe.recv)
    await runner.cleanup()
    if database is not None:
        stored = len(await Deliveries(database, Vault(chosen.secret_keys), clock).waiting(limit=10_000_000))
        pipe.send(stored)
        await database.close()
    else:
        pipe.send(None)


async def _nothing() -> None:
    pass


async def _bare(request: web.Request) -> web.Response:
    given = request.headers.get("Authorization", "").encode()
    if not hmac.compare_digest(given, AUTHORIZATION):
        raise web.HTTPUnauthorized
    await request.read()
    return web.Response(status=202)


def _server(pipe: Connection, folder: str, bare: bool) -> None:
    pin(0)
    run(_serve(pipe, folder, bare=bare))


async def _call(port: int, until: float) -> int:
    """One connection that sends a request as soon as the last one is answered; answers how many were accepted."""
    request = (
        f"POST /hooks/pipedrive/{PATH} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        f"Authorization: {AUTHORIZATION.decode()}\r\nContent-Length: {len(BODY)}\r\n\r\n"
    ).encode() + BODY
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    accepted = 0
    while time.perf_counter() < until:
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 202"), head
        length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        await reader.readexactly(length)
        accepted += 1
    writer.close()
    return accepted


async def _load(port: int) -> float:
    until = time.perf_counter() + SECONDS
    begun = time.perf_counter()
    accepted = await asyncio.gather(*(_call(port, until) for _ in range(CONNECTIONS)))
    return sum(accepted) / (time.perf_counter() - begun)


def _measure(*, bare: bool) -> float:
    ours, theirs = multiprocessing.Pipe()
    with tempfile.TemporaryDirectory() as folder:
        process = multiprocessing.get_context("spawn").Process(target=_server, args=(theirs, folder, bare))
        process.start()
        rate = uvloop.run(_load(ours.recv()))
        ours.send("stop")
        stored = ours.recv()
        process.join()
    assert stored is None or stored >= rate * SECONDS * 0.99, (stored, rate)
    return rate


def main() -> None:
    """Measure both and print the result."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    set_up("text", "ERROR")
    baseline, accepted = _measure(bare=True), _measure(bare=False)
    result = {"accepted_per_s": accepted, "baseline_per_s": baseline, "ratio": accepted / baseline}
    print(json.dumps({name: round(value, 3) for name, value in result.items()}))


if __name__ == "__main__":
    main()
