"""The program as it is called: its arguments, what it loads, its exit status."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import orjson
import pytest

from connector import commands
from connector.__main__ import parser
from tests.flows.looking import PERSON
from tests.line import CONNECT, NUMBER, a_call, period
from tests.world import KEY, World

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize(
    "words",
    [
        ["audit", "--from", "2026-11-01T00:00", "--to", "2026-11-02T00:00Z"],
        ["audit", "--from", "yesterday", "--to", "2026-11-02T00:00Z"],
        ["rebuild", "--from", "2026-11-01"],
        ["backfill", "--from", "2026-11-01T00:00Z", "--to", "2026-11-02T00:00Z"],
        ["centre", "connect", "--system", "demo"],
        ["centre", "connect", "--system", "demo", "--user", "x", "--vendor", "nobody"],
        ["settings"],
        ["nonsense"],
        [],
    ],
)
def test_what_cannot_be_meant_is_refused_with_the_usage(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        parser().parse_args(words)
    assert ended.value.code == 2
    assert "usage: connector" in capsys.readouterr().err


def test_a_time_keeps_its_zone() -> None:
    assert commands.moment("2026-11-01T01:00+01:00") == datetime(2026, 11, 1, tzinfo=UTC)
    assert commands.moment("2026-11-01T00:00:00.5Z").microsecond == 0


def test_the_service_does_not_load_the_simulators() -> None:
    program = "import sys, connector.__main__; print([n for n in sys.modules if n.startswith('connector.')])"
    loaded = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, check=True, text=True
    )
    assert "connector.serving" in loaded.stdout
    assert "connector.demo" not in loaded.stdout
    assert "connector.sandbox" not in loaded.stdout


async def test_the_program_itself_installs_runs_and_tells_its_outcome_by_exit_status(
    world: World, tmp_path: Path
) -> None:
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("CONNECTOR_")},
        "CONNECTOR_DATABASE_URL": f"sqlite:///{world.database}", "CONNECTOR_SECRET_KEYS": KEY,
        "CONNECTOR_PIPEDRIVE_API_URL": world.pipedrive, "CONNECTOR_THULIUM_URL": world.thulium + "/{system}",
        "CONNECTOR_TRUSTED_HOSTS": f"{world.pipedrive[7:]}, {world.thulium[7:]}",
        "CONNECTOR_THULIUM_REQUESTS_PER_SECOND": "0", "PYTHONPATH": str(ROOT),
    }  # fmt: skip

    async def run(*words: str, given: str = "") -> tuple[int | None, str, str]:
        program = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "connector", *words, env=environment, cwd=tmp_path,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        out, err = await program.communicate(given.encode())
        return program.returncode, out.decode(), err.decode()

    await world.seed_pipedrive(persons=[PERSON])
    status, out, err = await run("installations", "add", given="demo-api-token\n")
    assert status == 0, err
    assert orjson.loads(out)["outcome"] == "new"
    connected, refused = await asyncio.gather(
        run(*CONNECT, given="demo-password\n"), run("settings", "set", given='{"zone": "Nowhere"}')
    )
    assert connected[0] == 0, connected
    assert refused[0] == 2
    assert "is no time zone" in refused[2]
    assert "Traceback" not in refused[2]
    await a_call(world)
    status, out, err = await run("audit", *period())
    assert (status, orjson.loads(out)["not_collected"]) == (1, 1), err
    for secret in ("demo-api-token", "demo-password", NUMBER):
        assert secret not in out + err
