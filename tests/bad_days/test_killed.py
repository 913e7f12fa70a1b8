"""The process dies by SIGKILL a hundred times: nothing is lost and nothing is doubled."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.bad_days.killing import Branch, open_branch

KILLS = 100
KILLS_IN_THE_GAP = 30
BRANCHES = 3


async def test_a_service_killed_a_hundred_times_loses_nothing_and_doubles_nothing(tmp_path: Path) -> None:
    for seed in range(BRANCHES):
        (tmp_path / str(seed)).mkdir()
    branches = await asyncio.gather(*(_branch(tmp_path / str(seed), seed) for seed in range(BRANCHES)))
    kills = sum(branch.kills for branch in branches)
    in_the_gap = sum(branch.kills_in_the_gap for branch in branches)
    print(f"{kills} kills, {in_the_gap} of them between a claim and its settlement")
    assert kills >= KILLS
    assert in_the_gap >= KILLS_IN_THE_GAP


async def _branch(folder: Path, seed: int) -> Branch:
    async with open_branch(folder, seed) as branch:
        for _ in range(-(-KILLS // BRANCHES)):
            await branch.one_life()
        assert await branch.last_life() == 0
        assert not branch.day.wrong()
        return branch
