"""Every network call of a run, struck by every fault: nothing is lost and nothing is doubled."""

from __future__ import annotations

import asyncio
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from tests.bad_days.office import FAULTS, Found, find_spots, strike_many

PROCESSES = 2


async def test_every_fault_at_every_call_of_a_run_loses_nothing_and_doubles_nothing() -> None:
    first, later, second_looks = await find_spots()
    assert {"POST", "GET", "PATCH"} <= {spot.method for spot in later}
    assert {"GET", "DELETE"} <= {spot.method for spot in second_looks}
    loop, names = asyncio.get_running_loop(), list(FAULTS)
    with ProcessPoolExecutor(PROCESSES, mp_context=get_context("spawn")) as pool:
        shares = [names[n::PROCESSES] for n in range(PROCESSES)]
        work = [
            loop.run_in_executor(pool, strike_many, share, first, later, second_looks) for share in shares
        ]
        found = sum(await asyncio.gather(*work), Found())
    assert not found.wrong, "\n".join(found.wrong)
    writes = sum(spot.method != "GET" for spot in (*later, *second_looks))
    reads = sum(spot.method == "GET" for spot in (*later, *second_looks))
    assert found.struck > len(FAULTS) * writes + len(FAULTS) / 2 * reads
    assert found.healed >= len(FAULTS)
