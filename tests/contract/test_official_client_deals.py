"""The vendor's own Node client and ours make, read and delete deals of one person, and see the same."""

from __future__ import annotations

import asyncio
import json
import os
from decimal import Decimal
from typing import Any

from connector.pipedrive import mapping
from tests.contract.test_official_client import CLIENT, FOLDER, NODE
from tests.pipedrive.simulated import Simulated, simulated


async def _deals_of(sim: Simulated, person_id: str, field: str, **order: str) -> list[dict[str, Any]]:
    """Have the official client do what `order` says, and list the person's deals."""
    given = {
        "PIPEDRIVE_URL": sim.origin,
        "API_TOKEN": CLIENT["API_TOKEN"],
        "PERSON_ID": person_id,
        "FIELD": field,
        **order,
    }
    process = await asyncio.create_subprocess_exec(
        NODE, FOLDER / "deals_of_person.mjs", env={"PATH": os.environ["PATH"], "NO_PROXY": "127.0.0.1", **given},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0, err.decode()
    read: list[dict[str, Any]] = json.loads(out)
    return read


async def test_both_clients_see_the_same_deals_of_a_person() -> None:
    # The simulator judges every request and answer of either by the vendor's files.
    async with simulated() as sim:
        person = await sim.pipedrive.create_person({"name": "Żaneta Łoś"})
        field = (await sim.pipedrive.create_field("deal", "Contact centre", "varchar")).code
        stage = (await sim.pipedrive.stages())[-1]
        ours = await sim.pipedrive.create_deal(
            {
                "title": "Wycena płotu",
                "person_id": mapping.number(person.id),
                "stage_id": mapping.number(stage.id),
                "owner_id": sim.users[1],
                "value": mapping.amount(Decimal("1200.50")),
                "currency": "EUR",
                "custom_fields": {field: "m-1"},
            }
        )
        [read] = await _deals_of(sim, person.id, field)
        assert read == {
            "id": int(ours.id),
            "title": "Wycena płotu",
            "value": 1200.5,
            "currency": "EUR",
            "stage_id": int(stage.id),
            "owner_id": sim.users[1],
            "marker": "m-1",
        }

        listed = await _deals_of(sim, person.id, field, TITLE="Serwis", DELETE=ours.id, STATUS="open,deleted")
        assert [deal["title"] for deal in listed] == ["Wycena płotu", "Serwis"]
        [kept] = await sim.pipedrive.deals_of(person_id=person.id, custom_fields=[field])
        assert (kept.title, kept.custom_fields) == ("Serwis", {field: "Serwis"})
        [gone] = await sim.pipedrive.deals_of(person_id=person.id, status="deleted")
        assert (gone.id, gone.is_deleted) == (ours.id, True)
