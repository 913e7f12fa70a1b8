"""How records of one kind are read: what each field holds, and the tokens that a base keeps of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from connector.contact_settings import CUSTOM
from connector.flows.contacts.kinds import CentreRecord, CrmRecord
from connector.flows.contacts.pairing import Pair
from connector.flows.contacts.sets import elements
from connector.flows.contacts.values import centre_text, pipedrive_text
from connector.phone import Phones
from connector.pipedrive.records import Organization, Person
from connector.store.bindings import Base

Record = CentreRecord | CrmRecord


@dataclass(frozen=True, slots=True)
class Reader:
    """How one kind of record is read: the fields that are kept the same, and how their values are hashed."""

    pairs: Sequence[Pair]
    phones: Phones
    hash: Callable[[str], str]

    def text(self, pair: Pair, record: Record) -> str:
        """What a record holds in a field of one value."""
        return (
            pipedrive_text(pair, record)
            if isinstance(record, Person | Organization)
            else centre_text(pair, record)
        )

    def elements(self, pair: Pair, record: Record) -> frozenset[str]:
        """What a record holds in a field of several values, in the common form."""
        return self.elements_of(pair, raw(pair, record))

    def elements_of(self, pair: Pair, raw: Sequence[str]) -> frozenset[str]:
        """Values of such a field in the common form; what has none, such as an internal number, is left out."""
        return frozenset(elements(raw, pair.kind, self.phones))

    def token(self, pair: Pair, value: str) -> str | None:
        """What stands for a value of a field; None for an empty one."""
        return self.hash(f"{pair.key}\0{value}") if value else None

    def tokens(self, pair: Pair, values: frozenset[str]) -> list[str]:
        """What stands for several values, in order."""
        return sorted(self.hash(f"{pair.key}\0{value}") for value in values)

    def held(self, pair: Pair, record: Record) -> object:
        """A record's half of a base, for one field."""
        if pair.rule.is_set:
            return self.tokens(pair, self.elements(pair, record))
        return self.token(pair, self.text(pair, record))

    def is_as_before(self, record: Record, base: Base | None, *, anew: bool = False) -> bool:
        """Whether a record holds what it held when last in step, so that nothing has to be asked of the other side.

        What could not be carried over then is tried again when it changes, or `anew`: something else has changed.
        """
        if base is None:
            return False
        at = CRM if isinstance(record, Person | Organization) else CENTRE
        reader = self.as_then(base)
        for pair in self.pairs:
            held = reader.held(pair, record)
            open_ = base.get(OPEN + pair.key)
            if (not anew and open_ is not None and open_[at] == held) or lacks(pair, record):
                continue
            if pair.key not in base or base[pair.key][at] != held:
                return False
        return True

    def as_then(self, base: Base) -> Reader:
        """The same with numbers read as when the base was made: other settings change no number."""
        region, prefix = base.get(NUMBERS, (self.phones.region, self.phones.dial_out_prefix))
        then = Phones(str(region), str(prefix))
        return self if then == self.phones else replace(self, phones=then)


CENTRE, CRM = 0, 1
#: Beside the fields, a base tells how numbers were read, and what was left open with both sides' values.
NUMBERS, OPEN = "numbers", "open "


def lacks(pair: Pair, record: Record) -> bool:
    """Whether Pipedrive does not show a custom field at all, which is gone then; an empty one is null."""
    if not pair.rule.pipedrive.startswith(CUSTOM) or not isinstance(record, Person | Organization):
        return False
    return pair.code not in record.custom_fields


def raw(pair: Pair, record: Record) -> Sequence[str]:
    """The numbers or addresses of a record, as they are written there."""
    return tuple(getattr(record, pair.rule.centre, ()))
