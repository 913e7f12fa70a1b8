"""Every network call of a deal, struck by every fault: never two deals, never a lost link."""

from __future__ import annotations

import asyncio
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from tests.flows.deals.strikes import FAULTS, KINDS, Found, find_spots, strike_many

PROCESSES = 2


def _folder(parent: Path, number: int) -> Path:
    folder = parent / str(number)
    folder.mkdir()
    return folder


async def test_every_fault_at_every_call_makes_one_deal_and_one_link(tmp_path: Path) -> None:
    loop, names = asyncio.get_running_loop(), list(FAULTS)
    spots = {kind: await find_spots(_folder(tmp_path, n), kind) for n, kind in enumerate(KINDS)}
    methods = {spot.method for some in spots.values() for spot in some}
    assert methods == {"GET", "POST", "PUT"}
    shares = [names[n::PROCESSES] for n in range(PROCESSES)]
    with ProcessPoolExecutor(PROCESSES, mp_context=get_context("spawn")) as pool:
        work = [
            loop.run_in_executor(pool, strike_many, share, kind, spots[kind])
            for kind in KINDS
            for share in shares
        ]
        found = sum(await asyncio.gather(*work), Found())
    assert not found.wrong, "\n".join(found.wrong)
    behind_pages = [spot for kind, some in spots.items() if not KINDS[kind].page for spot in some]
    writes = sum(spot.method != "GET" for spot in behind_pages)
    assert found.struck >= len(names) * writes
