"""What must stand on both sides in the end: the last edit of each field and value that had no rival.

An edit has a rival when the other side's people changed the same thing and that was not yet to be seen where it was
made; or when a write of ours was on its way there, whose answer had not come.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.flows.contacts.both_sides import BothSides, Ref, said

Key = tuple[Ref, tuple[str, str]]


@dataclass
class Expectations:
    """The edits that may not be lost, by the record on which each was made."""

    sides: BothSides
    edits: dict[Key, object] = field(default_factory=dict)
    seen: set[Key] = field(default_factory=set)
    contested: set[Key] = field(default_factory=set)
    shaken: set[Ref] = field(default_factory=set)
    unarrived: dict[Ref, set[tuple[str, str]]] = field(default_factory=dict)
    rivals: int = 0

    def edited(self, ref: Ref, what: tuple[str, str], value: object) -> None:
        """Somebody changed this field, or added or took away this value (true or false)."""
        other = self.sides.counterpart(ref)
        key = (ref, what)
        twin = (other, what) if other is not None else None
        unseen = twin in self.edits and twin not in self.seen
        if unseen or key in self.contested or twin in self.contested or ref in self.shaken:
            self._contest(key, twin)
            return
        if twin is not None:
            self.edits.pop(twin, None)
        self.edits[key] = value
        self.seen.discard(key)

    def value(self, key: Key) -> object:
        """What is expected; a company is told as it can be compared with the other side's."""
        value = self.edits[key]
        return self.sides.common_company(*value) if isinstance(value, tuple) else value

    def _contest(self, *keys: Key | None) -> None:
        self.rivals += 1
        for key in keys:
            if key is not None:
                self.edits.pop(key, None)
                self.contested.add(key)

    def shake(self, ref: Ref, *, late: bool = False) -> None:
        """A write of ours to this record has no answer: who edits it now may be its rival.

        One that may come late is a rival of everybody who edits either record until all is quiet.
        """
        self.shaken.add(ref)
        if late and (other := self.sides.counterpart(ref)) is not None:
            self.shaken.add(other)

    def forget(self, ref: Ref) -> None:
        """Nothing is expected of a record any more; what had not arrived may still become somebody's rival."""
        for key in [key for key in self.edits if key[0] == ref]:
            del self.edits[key]
            if key not in self.seen:
                self.unarrived.setdefault(ref, set()).add(key[1])
        for key in self.contested:
            if key[0] == ref:
                self.unarrived.setdefault(ref, set()).add(key[1])

    def back(self, ref: Ref, other: Ref) -> None:
        """A record is there again: what of it had not arrived is the rival of what was edited meanwhile."""
        for what in self.unarrived.pop(ref, set()):
            self._contest((ref, what), (other, what))

    def meet(self, ref: Ref, other: Ref) -> None:
        """Two that were there turn out to be one: of names and companies the rule decides."""
        for what in (("name", ""), ("company", "")):
            self._contest((ref, what), (other, what))

    def contest(self, ref: Ref) -> None:
        """What comes of this record is not foretold, until all is quiet."""
        for what in self.sides.stands(ref).keys() | {key[1] for key in self.edits if key[0] == ref}:
            self._contest((ref, what))

    def forget_company(self, company: Ref) -> None:
        """Who belongs to a company that is gone is not foretold."""
        for key in [key for key, value in self.edits.items() if value == (company[0], company[2])]:
            self.forget_one(key)

    def forget_one(self, key: Key) -> None:
        self.edits.pop(key, None)

    def look(self) -> None:
        """See which edits have arrived, and which turn out to have rivals since two records became a pair."""
        for ref in {ref for ref, _ in self.edits}:
            if not self.sides.is_there(ref):
                self.forget(ref)
                continue
            other = self.sides.counterpart(ref)
            if other is not None:
                self._look_at_pair(ref, other)

    def _look_at_pair(self, ref: Ref, other: Ref) -> None:
        here, there = self.sides.stands(ref), self.sides.stands(other)
        for key in [key for key in self.edits if key[0] == ref]:
            what, twin = key[1], (other, key[1])
            if twin in self.edits:
                # Even where both set the same: who changes one of them next looks like the rival of the other.
                self._contest(key, twin)
            elif here.get(what, False) == there.get(what, False) == self.value(key):
                self.seen.add(key)

    def calm(self) -> None:
        """Everything has settled: no write of ours is on its way."""
        self.shaken.clear()
        self.contested.clear()

    def lost(self) -> Iterator[tuple[Ref, tuple[str, str], str]]:
        """Edits that do not stand on both sides: whose, of what, and in words."""
        for ref, what in self.edits:
            value = self.value((ref, what))
            if not self.sides.is_there(ref):
                continue
            other = self.sides.counterpart(ref)
            for one in (ref, other):
                if one is None:
                    continue
                now = self.sides.stands(one).get(what, False)
                if now != value:
                    yield (
                        ref,
                        what,
                        f"the {what[0]} of {said(ref)} was last set to {what[1]} {value!r}, but {said(one)} has {now!r}",
                    )
