"""Programs that a test runs: started in its folder, listened to over TCP, ended by SIGTERM."""

from __future__ import annotations

import asyncio
import random
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing, suppress
from pathlib import Path
from typing import Any, TypeAlias

import orjson

Said: TypeAlias = dict[str, Any]
PATIENCE_S = 10.0


@asynccontextmanager
async def program(log: Path, *command: str | Path) -> AsyncIterator[None]:
    """Run a program; all it says goes to `log`."""
    with log.open("wb") as said:
        process = await asyncio.create_subprocess_exec(
            *command, stdin=asyncio.subprocess.DEVNULL, stdout=said, stderr=said, cwd=log.parent
        )
        try:
            yield
        except Exception as error:
            error.add_note(f"{log}:\n{_end_of(log)}")
            raise
        finally:
            with suppress(ProcessLookupError):
                process.terminate()
            try:
                await asyncio.wait_for(process.wait(), PATIENCE_S)
            except TimeoutError:
                process.kill()
                await process.wait()


def _end_of(log: Path) -> str:
    return log.read_text(errors="replace")[-4000:]


@asynccontextmanager
async def talking(port: int, hear: Callable[[Said], None]) -> AsyncIterator[Callable[[Said], None]]:
    """Exchange JSON in netstrings with the program at `port`, once it listens; gives what tells it something."""
    reader, writer = await _connect(port)

    async def listen() -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                length = int((await reader.readuntil(b":"))[:-1])
                hear(orjson.loads((await reader.readexactly(length + 1))[:-1]))

    def say(what: Said) -> None:
        text = orjson.dumps(what)
        writer.write(b"%d:%s," % (len(text), text))

    listening = asyncio.create_task(listen())
    try:
        yield say
    finally:
        writer.close()
        listening.cancel()
        with suppress(asyncio.CancelledError):
            await listening
        with suppress(ConnectionError):
            await writer.wait_closed()


async def _connect(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    async with asyncio.timeout(PATIENCE_S):
        while True:
            try:
                return await asyncio.open_connection("127.0.0.1", port)
            except ConnectionError:
                await asyncio.sleep(0.05)


def free_ports(number: int) -> int:
    """The first of so many ports in a row that are free on loopback, for UDP and for TCP."""
    for _ in range(100):
        first = random.randrange(20_000, 32_000 - number, 2)
        if all(_free(port) for port in range(first, first + number)):
            return first
    raise RuntimeError(f"no {number} free ports in a row on 127.0.0.1")


def _free(port: int) -> bool:
    for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
        with closing(socket.socket(socket.AF_INET, kind)) as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                return False
    return True
