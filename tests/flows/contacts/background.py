"""Histories take long and need a core that other tests leave idle: they are played beside them, and waited for at the end."""

from __future__ import annotations

import os
from collections import Counter
from functools import cache
from multiprocessing import get_context
from multiprocessing.pool import AsyncResult, Pool

from tests.flows.contacts.many import HISTORIES, SHARES, play_many

#: These keep both cores busy by themselves, or count on them.
BUSY = ("acceptance", "bad_days", "bench", "browser")
_POOLS: list[Pool] = []


@cache
def begin() -> list[AsyncResult[Counter[str]]]:
    """Have the histories played in a process of their own, whose turn comes after everybody else's; once in a session."""
    pool = get_context("spawn").Pool(1, initializer=os.nice, initargs=(10,))
    _POOLS.append(pool)
    return [pool.apply_async(play_many, (number, HISTORIES // SHARES)) for number in range(SHARES)]


def end() -> None:
    """Whoever is still playing need not go on."""
    for pool in _POOLS:
        pool.terminate()
