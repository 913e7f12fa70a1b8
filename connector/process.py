"""How a process of the connector runs: its event loop, its threads' turns and its memory."""

from __future__ import annotations

import gc
import resource
import sys
from collections.abc import Coroutine
from typing import TypeVar

import uvloop

T = TypeVar("T")

_FILES_KEPT_FREE = 256


def run(work: Coroutine[object, object, T]) -> T:
    """Run `work` on uvloop; called once, when all that the process needs has been imported."""
    # The event loop gets its turn back from the database's threads within a millisecond instead of five.
    sys.setswitchinterval(0.001)
    # What stands now stands for good: looking through it for garbage would hold everything up, a tenth of a second
    # at a time.
    gc.collect()
    gc.freeze()
    return uvloop.run(work)


def most_lines(wanted: int) -> int:
    """How many connections may stay open for long: those `wanted`, within the process's limit of open files.

    Some are kept free: who comes with a webhook must still be let in.
    """
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return wanted if files == resource.RLIM_INFINITY else min(wanted, max(1, files - _FILES_KEPT_FREE))
