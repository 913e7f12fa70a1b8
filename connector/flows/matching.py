"""Whose event this is. Pure; it never guesses: several candidates are a question for a person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from connector.store.index import Candidate, OpenDeal


@dataclass(frozen=True, slots=True)
class Matched:
    """The event belongs here; without a person it hangs on the organization alone."""

    person_id: str | None
    organization_id: str | None
    how: str


@dataclass(frozen=True, slots=True)
class Nobody:
    """Nobody in Pipedrive has this number or address."""


@dataclass(frozen=True, slots=True)
class Several:
    """More than one record could be meant."""

    person_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LeftAlone:
    """A person decided that this number or address is nobody's."""


Match = Matched | Nobody | Several


def match(
    bound: Candidate | None, *, by_email: Sequence[Candidate] = (), by_number: Sequence[Candidate] = ()
) -> Match:
    """Decide in order: the known pair, a unique e-mail address, a unique number.

    Where several candidates are all of one organization, the event hangs on that organization.
    """
    if bound is not None:
        return Matched(bound.person_id, bound.organization_id, "pair")
    for how, candidates in (("email", by_email), ("number", by_number)):
        if candidates:
            return _decide(candidates, how)
    return Nobody()


def _decide(candidates: Sequence[Candidate], how: str) -> Match:
    people = {candidate.person_id: candidate for candidate in candidates}
    if len(people) == 1:
        only = candidates[0]
        return Matched(only.person_id, only.organization_id, how)
    organizations = {candidate.organization_id for candidate in people.values()}
    if len(organizations) == 1 and (shared := organizations.pop()) is not None:
        return Matched(None, shared, f"{how} of one organization")
    return Several(tuple(people))


def by_decision(
    decision: Mapping[str, object], people: Mapping[str, Candidate]
) -> Matched | LeftAlone | None:
    """What a person decided of a number or address for good; None where it holds no more: that person is gone."""
    how = "a person's decision"
    if "organization" in decision:
        return Matched(None, str(decision["organization"]), how)
    if "person" in decision:
        person = people.get(str(decision["person"]))
        return None if person is None else Matched(person.person_id, person.organization_id, how)
    return LeftAlone()


def choose_deal(deals: Sequence[OpenDeal], *, owner_id: str) -> str | None:
    """The one open deal; of several, the one that the event's own user owns; else none."""
    if len(deals) == 1:
        return deals[0].id
    own = [deal for deal in deals if deal.owner_id == owner_id]
    return own[0].id if len(own) == 1 else None
