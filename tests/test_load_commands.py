"""The verb `load`, in this process, on real sockets."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from tests.line import Line
from tests.world import World

CUSTOMERS = [
    {
        "name": "Jan",
        "surname": f"Próba-{n}",
        "phone_number": [f"60100000{n}"],
        "email": [f"jan{n}@example.com"],
    }
    for n in range(3)
]


@pytest.fixture
async def line(world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Line:
    line = Line(world, monkeypatch, capsys)
    await line.set_up()
    return line


async def switch_on(line: Line) -> None:
    _, shown, _ = await line("settings", "show")
    document: dict[str, Any] = shown | {"contacts": shown["contacts"] | {"sync": "on"}}
    status, _, said = await line("settings", "set", given=orjson.dumps(document).decode())
    assert status == 0, said


async def test_a_base_is_previewed_loaded_and_reported(line: Line, world: World) -> None:
    await switch_on(line)
    await world.seed_centre(customers=CUSTOMERS)
    status, answer, _ = await line("load", "--from", "centre", "--preview")
    assert (status, answer["state"]) == (0, "previewed")
    assert answer["preview"]["counts"] == {"make": 3}
    assert answer["preview"]["estimate"]["tokens"] == 15
    [first, *_] = answer["preview"]["examples"]["make"]
    assert (first["entity"], first["name"]) == ("customer", "Jan Próba-0")
    assert await world.records("person") == []

    status, answer, said = await line("load", "--from", "centre")
    assert (status, answer["state"], answer["done"]["made"]) == (0, "finished", 3)
    assert "loading, customer" in said
    assert "Próba" not in said
    assert len(await world.records("person")) == 3

    status, answer, _ = await line("load", "--report")
    assert (status, answer["state"], answer["done"]["made"]) == (0, "finished", 3)


async def test_a_load_that_pauses_says_why_and_how_to_go_on(line: Line, world: World) -> None:
    await switch_on(line)
    await world.seed_centre(customers=CUSTOMERS)
    await world.fault("pipedrive", "daily_429", method="POST", path="^/api/v2/persons$", times=20)
    status, answer, _ = await line("load", "--from", "centre")
    assert (status, answer["state"]) == (1, "paused")
    assert answer["reason"]
    assert answer["next"].startswith("connector load --from centre")


async def test_a_load_needs_a_side_and_the_sync_switched_on(line: Line) -> None:
    assert (await line("load"))[0] == 2
    status, _, said = await line("load", "--from", "centre")
    assert status == 2
    assert "contacts.sync" in said
    assert (await line("load", "--report"))[0] == 2
