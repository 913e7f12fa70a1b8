"""Plays many random histories and tells the shortest script that goes wrong."""

from __future__ import annotations

import asyncio
import os
import time
from collections import Counter
from collections.abc import Sequence

from hypothesis import HealthCheck, Phase, given, seed, settings

from tests.flows.contacts.histories import played
from tests.flows.contacts.steps import HABITS, Habits, Step, histories

HISTORIES = 600 if os.environ.get("CONNECTOR_TEST_LONG") else 100
SHARES = 2
SHARE = HISTORIES // SHARES
LENGTH = 60
#: So long a history that went wrong is made shorter.
SHRINKING_S = 90


def play_many(number: int, share: int) -> Counter[str]:
    """Play a share of the histories; raises the shortest script that goes wrong."""
    counts: Counter[str] = Counter()
    scripts: list[str] = []
    shrink_until: float | None = None

    @seed(number)
    @settings(
        max_examples=share,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate, Phase.shrink],
    )
    @given(HABITS, histories(LENGTH))
    def play(habits: Habits, steps: Sequence[Step]) -> None:
        nonlocal shrink_until
        if shrink_until is not None and time.monotonic() > shrink_until:
            return
        try:
            counts.update(asyncio.run(played(habits, steps)))
        except Exception as error:  # whatever it is, its script is told
            scripts.append(f"{error}")
            shrink_until = shrink_until or time.monotonic() + SHRINKING_S
            raise

    try:
        play()
    except Exception as error:  # noqa: BLE001  # hypothesis has its own ways of telling it
        script = min(scripts, key=len) if scripts else ""
        raise AssertionError(f"{script}\n{type(error).__name__}") from None
    return counts
