"""What can happen in a random history, and how the accounts differ in which it happens."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hypothesis import strategies as st

#: How often each kind of step comes.
WEIGHTS: dict[str, int] = {
    "pause": 1,
    "new": 5, "rename": 4, "add_number": 3, "drop_number": 2, "replace_number": 2, "change_email": 3, "move": 3,
    "new_company": 2, "rename_company": 2,
    "deliver": 10, "work": 2, "lose": 2, "double": 2, "shuffle": 2, "sweep": 1, "scan": 1, "wait": 1, "quiet": 1,
    "delete": 1, "restore": 1, "merge": 1, "merge_cards": 1, "delete_company": 1, "merge_companies": 1, "twin": 1,
    "meanwhile": 2,
    "fault": 8, "land": 2, "restart": 1, "cancel": 2, "kill": 2,
}  # fmt: skip

#: Real seconds for which an answer is waited, and for which a call that times out is held.
TIMEOUT, HELD = 0.6, 0.65

#: Every way in which a call goes wrong; a time-out takes real time, and comes only now and then.
FAULTS: tuple[Mapping[str, object], ...] = (
    {"kind": "timeout_before", "seconds": HELD},
    {"kind": "timeout_after", "seconds": HELD},
    *({"kind": kind} for kind in ("reset_before", "reset_after") for _ in range(8)),
    *({"kind": "late_effect", "hold_seconds": 0.01, "seconds": 3600} for _ in range(10)),
    *({"kind": f"status_{when}", "status": status, "html": status == 502}
      for status in (500, 502, 504) for when in ("before", "after")),
    {"kind": "burst_429"}, {"kind": "burst_429", "times": 3}, {"kind": "unauthorised"}, {"kind": "html_403"},
    {"kind": "empty_body"}, {"kind": "empty_body", "html": True},
)  # fmt: skip


@dataclass(frozen=True)
class Step:
    """One step: what happens, and two numbers by which it is chosen to whom and how."""

    what: str
    who: int
    how: int


_KINDS = [what for what, weight in WEIGHTS.items() for _ in range(weight)]
STEPS = st.builds(Step, st.sampled_from(_KINDS), st.integers(0, 63), st.integers(0, 63))


def histories(length: int) -> st.SearchStrategy[list[Step]]:
    """Histories of so many steps; one that goes wrong shrinks to pauses and the few steps that matter."""
    return st.lists(STEPS, min_size=length, max_size=length)


@dataclass(frozen=True)
class Habits:
    """What differs from one account to another."""

    second_email: bool = False
    spaced_phones: bool = False
    unique_names: bool = False


HABITS = st.builds(Habits, st.booleans(), st.booleans(), st.booleans())
