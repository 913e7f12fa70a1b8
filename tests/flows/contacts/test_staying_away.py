"""A first load makes nothing of people who were erased on request, from whichever side it is read."""

from __future__ import annotations

import pytest

from connector.flows.erasing import erase
from connector.store.audit import COMMAND_LINE
from connector.store.dirty import Side
from tests.flows.contacts.pairs import Desk
from tests.flows.contacts.test_loading import customer, desk, look, person, run

__all__ = ["desk"]


@pytest.mark.parametrize("side", [Side.CENTRE, Side.PIPEDRIVE])
async def test_a_load_leaves_out_who_was_erased(desk: Desk, side: Side) -> None:  # the fixture
    if side is Side.CENTRE:
        await desk.world.seed_centre(customers=[customer(n) for n in range(3)])
    else:
        await desk.world.seed_pipedrive(persons=[person(n) for n in range(3)])
    await erase(await desk.tenant(), "+48601000001", doer=COMMAND_LINE)
    load = await look(desk, side)
    assert load.preview["counts"] == {"make": 2, "leave": 1}
    assert "erased on request" in str(load.preview["reasons"])
    await run(desk, side)
    there = await (desk.world.records("person") if side is Side.CENTRE else desk.world.cards())
    assert len([one for one in there if "Próba" in str(one)]) == 2
