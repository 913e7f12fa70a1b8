"""`connector explain`: the whole trace of one event on the command line."""

from __future__ import annotations

import pytest

from tests.flows.looking import PERSON
from tests.line import NUMBER, Line, a_call
from tests.world import World


@pytest.fixture
def line(world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Line:
    return Line(world, monkeypatch, capsys)


async def test_an_event_is_explained_and_personal_data_is_masked(line: Line, world: World) -> None:
    await world.seed_pipedrive(persons=[PERSON])
    await line.set_up()
    await a_call(world)
    await line("sync")
    (activity,) = await world.activities()
    status, told, _ = await line("explain", "1")
    assert (status, told["state"], told["activity"]) == (0, "done", str(activity["id"]))
    assert told["decided"]["matched"] == "number"
    assert told["decided"]["rule"] == "type"
    assert told["tokens"] == 5
    assert NUMBER not in str(told)
    _, shown, _ = await line("explain", "1", "--show")
    assert NUMBER in str(shown)
    status, _, said = await line("explain", "99")
    assert status == 2
    assert "There is no event 99" in said
