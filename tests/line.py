"""A command line to be tried, and what is said on it."""

from __future__ import annotations

import io
import sys
from typing import Any

import orjson
import pytest

from connector import commands
from connector.__main__ import parser
from tests.world import World, ago

NUMBER = "601000001"
CONNECT = ("centre", "connect", "--system", "demo", "--user", "connector")


class Line:
    """A command line; gives exit status, what was printed as JSON, and what went to standard error."""

    def __init__(
        self, world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        self._world, self._monkeypatch, self._capsys = world, monkeypatch, capsys

    async def __call__(self, *words: str, given: str = "", **settings: object) -> tuple[int, Any, str]:
        args = parser().parse_args(words)
        action = getattr(args, "action", None)
        verb = f"{args.verb} {action}" if action else args.verb
        self._monkeypatch.setattr(sys, "stdin", io.StringIO(given))
        self._capsys.readouterr()
        status = await commands.run(verb, args, self._world.settings(**settings))
        printed = self._capsys.readouterr()
        text = printed.out[printed.out.find("\n{" if "\n{" in printed.out else "{") :].strip()
        text = printed.out[printed.out.index("[") :] if printed.out.startswith("[") else text
        return status, orjson.loads(text) if text and status != 2 else None, printed.err

    async def set_up(self) -> None:
        """Install, connect the contact centre, and switch it on; it is read from now on."""
        status, _, _ = await self("installations", "add", given="demo-api-token\n")
        assert status == 0
        status, _, _ = await self(*CONNECT, given="demo-password\n")
        assert status == 0
        status, _, _ = await self("switch", "on")
        assert status == 0


async def a_call(world: World) -> None:
    await world.happen("call", number=NUMBER, at=ago().isoformat(), talk=1)


def period() -> tuple[str, ...]:
    return ("--from", ago(hours=3).isoformat(), "--to", ago(hours=-1).isoformat())
