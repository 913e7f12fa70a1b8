"""What is wrong with rows of the mapping that only the two systems' own fields tell. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from connector.contact_settings import CUSTOM, FieldMapping, Transform, Way
from connector.flows.contacts.known_fields import Known
from connector.flows.contacts.pairing import (
    CHOSEN,
    IDS,
    WRITTEN,
    Kind,
    Pair,
    Problem,
    folded,
    meant_by,
    pair_up,
)
from connector.flows.contacts.values import for_centre, for_pipedrive
from connector.phone import Phones


class Wrong(StrEnum):
    """The kinds of mistake."""

    NOT_IN_PIPEDRIVE = "not_in_pipedrive"
    SEVERAL_IN_PIPEDRIVE = "several_in_pipedrive"
    NOT_WRITTEN = "not_written"
    NOT_IN_CENTRE = "not_in_centre"
    NO_CHOICES = "no_choices"
    NO_EFFECT = "no_effect"
    CANNOT_FIT = "cannot_fit"
    UNLISTED = "unlisted"
    VALUE_UNFIT = "value_unfit"
    DEFAULT_UNFIT = "default_unfit"


@dataclass(frozen=True, slots=True)
class Mistake:
    """One of them, in the part of a row where it is mended; `names` are what a sentence about it names."""

    row: int
    part: str
    wrong: Wrong
    names: Mapping[str, str] = field(default_factory=dict)


#: What a transform writes, where a field never takes it.
_NEVER_FITS = {
    Kind.NUMBER: {Transform.DATE},
    Kind.DATE: {Transform.NUMBER, Transform.E164},
    Kind.PHONE: {Transform.DATE},
    Kind.NAME: {Transform.DATE, Transform.NUMBER, Transform.E164},
}


def mistakes(
    rules: Sequence[FieldMapping], known: Known, phones: Phones, *, company: bool, sure: Collection[str] = ()
) -> list[Mistake]:
    """All that is wrong; `sure` are special fields of the contact centre that are there though no record shows them.

    What could not be read is not judged.
    """
    return [
        mistake
        for row, rule in enumerate(rules)
        for mistake in _of_row(row, rule, known, phones, company=company, sure=sure)
    ]


def _of_row(
    row: int, rule: FieldMapping, known: Known, phones: Phones, *, company: bool, sure: Collection[str]
) -> Iterator[Mistake]:
    if rule.centre.startswith(CUSTOM) and known.centre is not None:
        name = rule.centre.removeprefix(CUSTOM).strip()
        if folded(name) not in {folded(one) for one in (*known.centre, *sure)}:
            yield Mistake(row, "centre", Wrong.NOT_IN_CENTRE, {"name": name})
    if rule.pipedrive.startswith(CUSTOM):
        if known.pipedrive is None:
            return
        name = rule.pipedrive.removeprefix(CUSTOM).strip()
        meant = meant_by(name, known.pipedrive)
        if not meant:
            yield Mistake(row, "pipedrive", Wrong.NOT_IN_PIPEDRIVE, {"name": name})
        elif len(meant) > 1:
            yield Mistake(row, "pipedrive", Wrong.SEVERAL_IN_PIPEDRIVE, {"name": name})
        elif meant[0].type not in WRITTEN:
            yield Mistake(row, "pipedrive", Wrong.NOT_WRITTEN, {"name": meant[0].name, "type": meant[0].type})
    # A label is judged here, so that the rest of the row is judged too.
    plain = rule.model_copy(update={"transform": None}) if rule.transform is Transform.LABEL else rule
    for pair in pair_up([plain], known.pipedrive or (), company=company)[0]:
        yield from _of_values(row, rule, pair, phones)


def _of_values(row: int, rule: FieldMapping, pair: Pair, phones: Phones) -> Iterator[Mistake]:
    how = rule.transform
    if rule.is_set or pair.kind in IDS:
        for part, given in (
            ("transform", how),
            ("values", rule.values),
            ("default", rule.is_set and rule.default),
        ):
            if given and how is not Transform.CONSTANT:
                yield Mistake(row, part, Wrong.NO_EFFECT)
        if rule.is_set and how is Transform.CONSTANT:
            yield Mistake(row, "transform", Wrong.NO_EFFECT)
    elif how is Transform.LABEL and pair.kind not in CHOSEN:
        yield Mistake(row, "transform", Wrong.NO_CHOICES)
    elif how is not None and how in _NEVER_FITS.get(pair.kind, ()):
        yield Mistake(row, "transform", Wrong.CANNOT_FIT)
    if rule.is_set:
        return
    writes_it = rule.default and rule.way is not Way.TO_CENTRE
    if writes_it and isinstance(for_pipedrive(pair, "", phones), Problem):
        yield Mistake(row, "default", Wrong.DEFAULT_UNFIT, {"name": rule.default or ""})
    if pair.kind not in IDS and how is not Transform.CONSTANT:
        yield from _of_table(row, rule, pair, phones)


def _of_table(row: int, rule: FieldMapping, pair: Pair, phones: Phones) -> Iterator[Mistake]:
    """Values that the table would have written and that cannot be, each once."""
    told = set[str]()
    for here, there in rule.values.items():
        written = (
            for_centre(pair, there, phones)
            if rule.way is Way.TO_CENTRE
            else for_pipedrive(pair, here, phones)
        )
        if isinstance(written, Problem) and there not in told:
            told.add(there)
            wrong = Wrong.UNLISTED if pair.kind in CHOSEN else Wrong.VALUE_UNFIT
            yield Mistake(row, "values", wrong, {"name": there})
