"""Whether both sides are in step once all is quiet, told from the simulators alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from tests.flows.contacts.acting import Actors
from tests.flows.contacts.both_sides import CENTRE, COMPANY, CUSTOMER, PIPEDRIVE, Ref, said


def wrongs(actors: Actors, asked: Mapping[Ref, bool]) -> list[str]:
    """What is wrong now that all is quiet; `asked` are records of which a person is asked (true), or is told (false)."""
    wrong = [said for ref, what, said in actors.expected.lost() if not _is_excused(actors, ref, what[0])]
    wrong += [f"it is asked whose {said(ref)} is" for ref in asked if asked[ref] and ref not in actors.odd]
    for kind in (CUSTOMER, COMPANY):
        pairs = actors.sides.pairs(kind)
        for ours, theirs in pairs.items():
            here = actors.sides.stands((CENTRE, kind, ours))
            there = actors.sides.stands((PIPEDRIVE, kind, theirs))
            wrong += [
                f"{said((CENTRE, kind, ours))} and {said((PIPEDRIVE, kind, theirs))} differ in {what}: "
                f"{here.get(what)!r}, {there.get(what)!r}"
                for what in here.keys() | there.keys()
                if here.get(what) != there.get(what)
                and not _is_excused(actors, (CENTRE, kind, ours), what[0])
            ]
        wrong += [
            f"{said(ref)} has no counterpart"
            for ref in _alone(actors, kind, pairs)
            if ref not in actors.parted
            and ref not in asked
            and ref not in actors.odd
            and not _is_orphan(actors, ref)
        ]
    wrong += [f"{said(ref)} was made twice" for ref in _made_twice(actors)]
    wrong += [f"{said(ref)}, which we made of another, begot one more" for ref in _begotten(actors)]
    wrong += [f"{said(ref)} was made anew after it had been deleted" for ref in _come_back(actors)]
    return wrong


def _is_excused(actors: Actors, ref: Ref, what: str) -> bool:
    """Whether nobody could keep this field the same."""
    other = actors.sides.counterpart(ref)
    if other is None:
        return False
    customer, person = (ref, other) if ref[0] == CENTRE else (other, ref)
    if what == "emails":
        # A merge of cards leaves addresses that nobody is shown.
        return not actors.sides.day.system.switches.second_email and customer in actors.odd
    return what == "company" and _is_adrift(actors, customer[2], person[2])


def _is_adrift(actors: Actors, customer: int, person: int) -> bool:
    """Whether one of two people belongs to a company that was deleted, merged, or has no counterpart."""
    company = actors.sides.company_of((CENTRE, CUSTOMER, customer))
    organization = actors.sides.company_of((PIPEDRIVE, CUSTOMER, person))
    pairs = actors.sides.pairs(COMPANY)
    return (company is not None and (company not in pairs or (CENTRE, COMPANY, company) in actors.odd)) or (
        organization is not None
        and (organization not in pairs.values() or (PIPEDRIVE, COMPANY, organization) in actors.odd)
    )


def _is_orphan(actors: Actors, ref: Ref) -> bool:
    """Whether we made it of one that was gone when it came to be, or was merged and had a counterpart already."""
    source = next((source for one, source in actors.sides.made if one == ref), None)
    of = (PIPEDRIVE if ref[0] == CENTRE else CENTRE, ref[1], source or 0)
    return source is not None and (
        not actors.sides.is_there(of) or actors.sides.counterpart(of) not in (None, ref)
    )


def _begotten(actors: Actors) -> list[Ref]:
    made = {ref for ref, _ in actors.sides.made}
    sources = [
        (CENTRE if ref[0] == PIPEDRIVE else PIPEDRIVE, ref[1], source or 0)
        for ref, source in actors.sides.made
    ]
    return [ref for ref in sources if ref in made]


def _alone(actors: Actors, kind: str, pairs: dict[int, int]) -> list[Ref]:
    alone = [ref for ref in actors.sides.alive(CENTRE, kind) if ref[2] not in pairs]
    alone += [ref for ref in actors.sides.alive(PIPEDRIVE, kind) if ref[2] not in pairs.values()]
    return [ref for ref in alone if kind == COMPANY or _is_reachable(actors, ref)]


def _is_reachable(actors: Actors, ref: Ref) -> bool:
    return bool(actors.sides.lists(ref, "phones") or actors.sides.lists(ref, "emails"))


def _made_twice(actors: Actors) -> list[Ref]:
    sources = Counter((ref[0], ref[1], source) for ref, source in actors.sides.made)
    return [
        ((CENTRE if side == PIPEDRIVE else PIPEDRIVE), kind, source or 0)
        for (side, kind, source), times in sources.items()
        if times > 1
    ]


def _come_back(actors: Actors) -> list[Ref]:
    """What was made of a record after it was parted from its own; what landed late had been sent before."""
    return [
        made
        for ref, before in actors.parted.items()
        for number, (made, source) in enumerate(actors.sides.made)
        if number >= before and number not in actors.sides.landed
        if (made[1], source) == (ref[1], ref[2]) and made[0] != ref[0]
    ]


def too_many_writes(actors: Actors) -> str:
    """How many writes there were if that is too many, else nothing.

    Twice as many as changes that people made, and one more for each record that was made: its source is told its id.
    """
    writes, allowed = len(actors.sides.our_writes), 2 * actors.changes + len(actors.sides.made)
    return f"{writes} writes of {actors.changes} changes" if writes > allowed else ""
