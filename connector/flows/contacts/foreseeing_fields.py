"""What a change of the mapping will touch once it is saved. Pure.

A base knows each field by its key. A row without one there meets every pair for the first time; a row whose key is
there already is compared with what was in step, and does nothing until one side changes. A constant is the exception:
it stands for what one side holds, so that another constant, or none any more, is a change of every pair.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from connector.contact_settings import FieldMapping, Transform
from connector.flows.contacts.pairing import Pair


@dataclass(frozen=True, slots=True)
class Foreseen:
    """Rows by what their change does.

    `meeting` rows meet every pair anew, `constants` are written to every pair that differs, `later` rows mean something else from the
    next change of a record on, `ended` rows are not kept the same any more, and stay as they are on both sides.
    """

    meeting: Sequence[FieldMapping]
    constants: Sequence[FieldMapping]
    later: Sequence[FieldMapping]
    ended: Sequence[FieldMapping]

    @property
    def rows(self) -> int:
        """How many rows differ."""
        return sum(map(len, (self.meeting, self.constants, self.later, self.ended)))


def foresee(before: Sequence[Pair], after: Sequence[Pair]) -> Foreseen:
    """Compare the rows that count now with those that would."""
    known, wanted = {pair.key: pair for pair in before}, {pair.key: pair for pair in after}
    common = [(known[key], pair) for key, pair in wanted.items() if key in known]
    differing = [(was, now) for was, now in common if was.rule != now.rule]
    later = [now.rule for was, now in differing if _constant(was) == _constant(now)]
    fresh = [pair.rule for key, pair in wanted.items() if key not in known]
    return Foreseen(
        meeting=[rule for rule in fresh if not rule.only_on_create],
        constants=[now.rule for was, now in differing if _constant(was) != _constant(now)],
        later=[*later, *(rule for rule in fresh if rule.only_on_create)],
        ended=[pair.rule for key, pair in known.items() if key not in wanted],
    )


def _constant(pair: Pair) -> tuple[str, str] | None:
    rule = pair.rule
    return (rule.way, rule.default or "") if rule.transform is Transform.CONSTANT else None
