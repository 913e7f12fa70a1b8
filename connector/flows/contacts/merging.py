"""What a difference between the two sides means: which side is written, and with what. Pure and total.

A side has changed when it differs from its own base, which is what it held, as read back, when both were last in step.
So a vendor that cuts or reformats what we write has changed nothing. Tokens stand for values and tell only whether
two are equal; those of single fields are compared within one side alone, those of sets across both.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from connector.contact_settings import FieldMapping, Policy, Way

Tokens = frozenset[str]


@dataclass(frozen=True, slots=True)
class One:
    """A field of one value as it is now; None is empty. `agree` says whether the two, once translated, are the same."""

    centre: str | None
    pipedrive: str | None
    agree: bool


@dataclass(frozen=True, slots=True)
class OneBase:
    """Both values as read back when last in step."""

    centre: str | None
    pipedrive: str | None


@dataclass(frozen=True, slots=True)
class Many:
    """The phones or e-mails of both sides as they are now, in one common form."""

    centre: Tokens
    pipedrive: Tokens


@dataclass(frozen=True, slots=True)
class ManyBase:
    """Both sets as read back when last in step."""

    centre: Tokens
    pipedrive: Tokens


@dataclass(frozen=True, slots=True)
class ManyMerged:
    """What each side shall hold; equal to what it holds where nothing is to be written.

    `unseen` says that the contact centre is written all the same: what it does not show is to go.
    """

    pipedrive: Tokens
    centre: Tokens
    unseen: bool = False


@dataclass(frozen=True, slots=True)
class Seen:
    """When a change of this field was seen first-hand; None where it was found later, or not at all."""

    centre: datetime | None
    pipedrive: datetime | None


class Verdict(StrEnum):
    """What to do about a field of one value."""

    NOTHING = "nothing"
    TO_PIPEDRIVE = "to_pipedrive"
    TO_CENTRE = "to_centre"
    ASK = "ask"


def merge_one(base: OneBase | None, now: One, rule: FieldMapping, seen: Seen) -> Verdict:
    """Decide where the value of one field goes; a base of None is a first meeting.

    A change on one side goes to the other, an emptied field too, unless the rule only fills empty fields. Where both
    changed, or differ when they first meet, the policy decides; on a one-way rule the source wins. At a first meeting
    an empty side is filled, never the other emptied. Two that agree need nothing but a new base.
    """
    if now.agree or now.centre is now.pipedrive is None or rule.only_on_create:
        return Verdict.NOTHING
    if base is None:
        verdict = _filling(now) or _rivals(now, rule, seen)
    else:
        verdict = _of_changes(base, now, rule, seen)
    return verdict if rule.way is Way.BOTH or verdict in (Verdict(rule.way), Verdict.ASK) else Verdict.NOTHING


def _of_changes(base: OneBase, now: One, rule: FieldMapping, seen: Seen) -> Verdict:
    centre, pipedrive = now.centre != base.centre, now.pipedrive != base.pipedrive
    if centre and pipedrive:
        return _rivals(now, rule, seen)
    if not centre and not pipedrive:
        return Verdict.NOTHING
    verdict = Verdict.TO_PIPEDRIVE if centre else Verdict.TO_CENTRE
    if rule.conflict is Policy.FILL_EMPTY and verdict is not _filling(now):
        return Verdict.NOTHING
    return verdict


def _filling(now: One) -> Verdict | None:
    """Where one of the two would fill the other; None where neither is empty."""
    if now.pipedrive is None:
        return Verdict.TO_PIPEDRIVE
    return Verdict.TO_CENTRE if now.centre is None else None


def _rivals(now: One, rule: FieldMapping, seen: Seen) -> Verdict:
    if rule.conflict is Policy.FILL_EMPTY:
        return _filling(now) or Verdict.NOTHING
    winner = _winner(rule)
    if winner is None and rule.conflict is Policy.NEWEST and seen.centre and seen.pipedrive:
        if seen.centre > seen.pipedrive:
            return Verdict.TO_PIPEDRIVE
        if seen.centre < seen.pipedrive:
            return Verdict.TO_CENTRE
    return winner or Verdict.ASK


def _winner(rule: FieldMapping) -> Verdict | None:
    """Where the value goes when the rule itself says which side is right."""
    if rule.way is not Way.BOTH:
        return Verdict(rule.way)
    return {Policy.PIPEDRIVE: Verdict.TO_CENTRE, Policy.CENTRE: Verdict.TO_PIPEDRIVE}.get(rule.conflict)


def merge_many(base: ManyBase | None, now: Many, rule: FieldMapping) -> ManyMerged:
    """Decide which values each side shall hold; a base of None is a first meeting.

    Each value comes and goes by itself: what was added on one side is added on the other, and what was taken away is
    taken away there, unless the rule keeps removals apart. Added here and taken away there: it stays. `union`,
    `newest` and `ask` therefore mean the same for sets: nothing is lost, and nothing is asked.

    `pipedrive` and `centre` say who is right in two cases only: at a first meeting the other side takes over what
    the winner has, if it has any; and where both replaced one and the same value by another, the winner's stays
    alone. On a one-way rule with either of the two, the source wins. `fill_empty` writes into an empty set alone.

    A list that is written to the contact centre anyway is written whole: with what Pipedrive kept and the contact
    centre did not show when both were last in step, for some show the first e-mail alone and replace all. It is also
    written when Pipedrive took away what the contact centre did not show.
    """
    if rule.only_on_create:
        return ManyMerged(now.pipedrive, now.centre)
    if rule.conflict is Policy.FILL_EMPTY:
        merged = _filled(base, now)
    elif base is None:
        merged = _first_meeting(now, rule)
    else:
        merged = _of_additions_and_removals(base, now, rule)
    return ManyMerged(
        pipedrive=now.pipedrive if rule.way is Way.TO_CENTRE else merged.pipedrive,
        centre=now.centre if rule.way is Way.TO_PIPEDRIVE else merged.centre,
        unseen=merged.unseen and rule.way is not Way.TO_PIPEDRIVE,
    )


def _filled(base: ManyBase | None, now: Many) -> ManyMerged:
    base = base or ManyBase(Tokens(), Tokens())
    return ManyMerged(
        pipedrive=now.pipedrive or now.centre - base.centre,
        centre=now.centre or now.pipedrive - base.pipedrive,
    )


def _first_meeting(now: Many, rule: FieldMapping) -> ManyMerged:
    union = now.pipedrive | now.centre
    if rule.conflict not in (Policy.PIPEDRIVE, Policy.CENTRE) or not rule.removals:
        return ManyMerged(union, union)
    winner = now.centre if _winner(rule) is Verdict.TO_PIPEDRIVE else now.pipedrive
    return ManyMerged(winner or union, winner or union)


def _of_additions_and_removals(base: ManyBase, now: Many, rule: FieldMapping) -> ManyMerged:
    added_here, added_there = now.centre - base.centre, now.pipedrive - base.pipedrive
    pipedrive, centre = now.pipedrive | added_here, now.centre | added_there
    if not rule.removals:
        return ManyMerged(pipedrive, centre)
    gone_here, gone_there = base.centre - now.centre, base.pipedrive - now.pipedrive
    pipedrive, centre = pipedrive - (gone_here - added_there), centre - (gone_there - added_here)
    decided = rule.conflict in (Policy.PIPEDRIVE, Policy.CENTRE)
    if decided and _replaced_alike(gone_here, gone_there, added_here, added_there):
        losing = added_there if _winner(rule) is Verdict.TO_PIPEDRIVE else added_here
        pipedrive, centre = pipedrive - losing, centre - losing
    unseen = bool(now.centre and gone_there - base.centre - now.centre)
    if centre != now.centre or unseen:
        centre |= (now.pipedrive & base.pipedrive & pipedrive) - base.centre
    return ManyMerged(pipedrive, centre, unseen)


def _replaced_alike(gone_here: Tokens, gone_there: Tokens, added_here: Tokens, added_there: Tokens) -> bool:
    """Whether both sides replaced one and the same value, each by another."""
    counts = {len(tokens) for tokens in (gone_here, gone_there, added_here, added_there)}
    return counts == {1} and gone_here == gone_there and added_here != added_there
