"""One customer is erased on the command line."""

from __future__ import annotations

import pytest

from tests.line import NUMBER, Line, a_call
from tests.world import World


async def test_a_customer_is_looked_at_erased_and_let_back(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    line = Line(world, monkeypatch, capsys)
    await line.set_up()
    await world.seed_pipedrive(persons=[{"name": "Ada Example", "phones": [NUMBER]}])
    await a_call(world)
    await line("sync")
    status, looked, _ = await line("erase", "--number", NUMBER)
    assert (status, looked["erased"], looked["kept"]["events"]) == (0, False, 1)
    status, erased, _ = await line("erase", "--number", NUMBER, "--now")
    assert (status, erased["erased"]["events"]) == (0, 1)
    assert NUMBER not in str(erased)
    assert (await line("erase", "--number", NUMBER))[1]["kept"]["events"] == 0
    assert (await line("erase", "--email", "nobody@example.com", "--let-back"))[1]["let_back_keys"] == 0
    assert (await line("erase", "--number", NUMBER, "--let-back"))[1]["let_back_keys"] >= 1


async def test_what_is_no_number_and_what_contradicts_itself_is_refused(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    line = Line(world, monkeypatch, capsys)
    await line.set_up()
    status, _, said = await line("erase", "--number", "12")
    assert (status, "one whole telephone number" in said) == (2, True)
    status, _, said = await line("erase", "--number", NUMBER, "--now", "--let-back")
    assert (status, "either --now or --let-back" in said) == (2, True)
