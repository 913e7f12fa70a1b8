"""How a process of the connector runs: its event loop, its threads' turns and its memory."""

from __future__ import annotations

import gc
import sys
from collections.abc import Coroutine
from typing import TypeVar

import uvloop

T = TypeVar("T")


def run(work: Coroutine[object, object, T]) -> T:
    """Run `work` on uvloop; called once, when all that the process needs has been imported."""
    # The event loop gets its turn back from the database's threads within a millisecond instead of five.
    sys.setswitchinterval(0.001)
    # What stands now stands for good: looking through it for garbage would hold everything up, a tenth of a second
    # at a time.
    gc.collect()
    gc.freeze()
    return uvloop.run(work)
