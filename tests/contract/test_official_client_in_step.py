"""The vendor's own Node client edits a person and the contact centre shows it, and the other way round."""

from __future__ import annotations

import asyncio
import json
import os
from typing import Any

from tests.at_work import until
from tests.contract.checker import Checker
from tests.contract.test_official_client import CLIENT, FOLDER, NODE
from tests.serving import served
from tests.test_keeping import begin, persons, quiet
from tests.world import open_world


async def _one_person(pipedrive: str, person_id: int, **change: str) -> dict[str, Any]:
    """Have the official client change and read a person."""
    given = {
        "PIPEDRIVE_URL": pipedrive,
        "PERSON_ID": str(person_id),
        "API_TOKEN": CLIENT["API_TOKEN"],
        **change,
    }
    process = await asyncio.create_subprocess_exec(
        NODE, FOLDER / "one_person.mjs", env={"PATH": os.environ["PATH"], "NO_PROXY": "127.0.0.1", **given},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0, err.decode()
    read: dict[str, Any] = json.loads(out)
    return read


async def test_what_the_vendors_client_edits_the_contact_centre_shows_and_the_other_way_round(
    tmp_path: Any,
) -> None:
    checker = Checker()
    async with (
        open_world(tmp_path, middlewares=[checker.middleware], pipedrive_timeout=5.0) as world,
        served(world) as here,
    ):
        tenant = await begin(here)
        made = await world.happen("customer", name="Żaneta", surname="Łoś", phone_number="601000001")
        await until(lambda: persons(world))
        await quiet(here, tenant)
        [person] = await persons(world)
        assert await _one_person(world.pipedrive, person["id"]) == {
            "name": "Żaneta Łoś",
            "phones": ["+48601000001"],
        }

        numbers = json.dumps(["+48601000001", "+48 601 000 002"])
        await _one_person(world.pipedrive, person["id"], NAME="Żaneta Łoś-Gęś", PHONES=numbers)

        async def shown() -> bool:
            [card] = await world.cards()
            return bool(card["surname"] == "Łoś-Gęś" and card["phones"] == ["601000001", "601000002"])

        await until(shown)
        await quiet(here, tenant)
        await world.happen("customer", customer_id=made["id"], phone_number=["601000002", "601000003"])

        async def carried() -> bool:
            [one] = await persons(world)
            return "+48601000003" in [entry["value"] for entry in one["phones"]]

        await until(carried)
        read = await _one_person(world.pipedrive, person["id"])
        assert read == {"name": "Żaneta Łoś-Gęś", "phones": ["+48 601 000 002", "+48601000003"]}
    checker.assert_clean()
