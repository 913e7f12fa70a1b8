"""Every network call of a run, struck by every fault: nothing is lost and nothing is doubled."""

from __future__ import annotations

from tests.bad_days.office import FAULTS, find_spots, strike_all


async def test_every_fault_at_every_call_of_a_run_loses_nothing_and_doubles_nothing() -> None:
    first, later, second_looks = await find_spots()
    assert {"POST", "GET", "PATCH"} <= {spot.method for spot in later}
    assert {"GET", "DELETE"} <= {spot.method for spot in second_looks}
    found = await strike_all(FAULTS, first, later, second_looks)
    assert not found.wrong, "\n".join(found.wrong)
    writes = sum(spot.method != "GET" for spot in (*later, *second_looks))
    reads = sum(spot.method == "GET" for spot in (*later, *second_looks))
    assert found.struck > len(FAULTS) * writes + len(FAULTS) / 2 * reads
    assert found.healed >= len(FAULTS)
