"""What people do on both sides in a random history, and what follows from it for what may be expected."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.flows.contacts.both_sides import (
    CENTRE,
    COMPANY,
    CUSTOMER,
    FIRST_NAMES,
    PIPEDRIVE,
    BothSides,
    Ref,
    phone,
    said,
)
from tests.flows.contacts.expecting import Expectations


@dataclass(kw_only=True)
class Actors:
    """People at work on both sides; numbers choose among what is there.

    `changes` counts what they did. `parted` are records whose counterpart was deleted, each with how many records we had
    made by then: nothing is made in its place. `odd` are those whose identity may be asked for, `partners` who was whose
    counterpart last.
    """

    sides: BothSides
    expected: Expectations
    script: list[str] = field(default_factory=list)
    changes: int = 0
    parted: dict[Ref, int] = field(default_factory=dict)
    odd: set[Ref] = field(default_factory=set)
    partners: dict[Ref, Ref] = field(default_factory=dict)

    def look(self) -> None:
        """See what the simulators hold now."""
        for kind in (CUSTOMER, COMPANY):
            for ours, theirs in self.sides.pairs(kind).items():
                pair = (CENTRE, kind, ours), (PIPEDRIVE, kind, theirs)
                if self.partners.get(pair[0]) != pair[1] and not self._made_of(*pair):
                    self.expected.meet(*pair)
                self.partners |= {pair[0]: pair[1], pair[1]: pair[0]}
        self.expected.look()

    def _made_of(self, customer: Ref, person: Ref) -> bool:
        return (customer, person[2]) in self.sides.made or (person, customer[2]) in self.sides.made

    def say(self, what: str) -> None:
        self.script.append(f"      {what}")

    async def pause(self) -> None:
        """Nothing happens."""

    def _name(self) -> str:
        return "N" + "".join("abcdefghij"[int(digit)] for digit in str(self.sides.number()))

    def _number(self, side: str) -> str:
        n = self.sides.number()
        return (
            f"601 {n // 1000:03} {n % 1000:03}" if side == CENTRE else f"+48 601 {n // 1000:03} {n % 1000:03}"
        )

    def _email(self) -> str:
        return f"person{self.sides.number()}@example.com"

    def _people(self) -> list[Ref]:
        return [*self.sides.alive(CENTRE, CUSTOMER), *self.sides.alive(PIPEDRIVE, CUSTOMER)]

    def _companies(self) -> list[Ref]:
        return [*self.sides.alive(CENTRE, COMPANY), *self.sides.alive(PIPEDRIVE, COMPANY)]

    def _someone(self, who: int) -> Ref | None:
        people = self._people()
        return people[who % len(people)] if people else None

    def _a_company(self, side: str, how: int) -> int | None:
        companies = self.sides.alive(side, COMPANY)
        return [None, *(ref[2] for ref in companies)][how % (len(companies) + 1)]

    async def new(self, who: int, how: int) -> None:
        side = (CENTRE, PIPEDRIVE)[who % 2]
        values = {
            "first": FIRST_NAMES[how % len(FIRST_NAMES)], "name": self._name(),
            "phones": [self._number(side) for _ in range(how % 3)],
            "emails": [self._email() for _ in range(how // 3 % 2)], "company": self._a_company(side, who // 2),
        }  # fmt: skip
        self._made(self.sides.make(side, CUSTOMER, values))

    async def new_company(self, who: int) -> None:
        side = (CENTRE, PIPEDRIVE)[who % 2]
        self._made(self.sides.make(side, COMPANY, {"name": f"Firma {self._name()} sp. z o.o."}))

    def _made(self, ref: Ref) -> None:
        self.changes += 1
        self.say(f"{ref[0]}: somebody makes {said(ref)}, {self.sides.name(ref)!r}: {self.sides.stands(ref)}")
        for what, value in self.sides.stands(ref).items():
            if what[0] != "company":
                self.expected.edited(ref, what, value)
            elif (company := self.sides.company_of(ref)) is not None:
                self.expected.edited(ref, what, (ref[0], company))

    def _edited(self, ref: Ref, key: str, value: object) -> None:
        before = self.sides.stands(ref)
        self.sides.change(ref, key, value)
        after = self.sides.stands(ref)
        self.changes += 1
        self.say(f"{ref[0]}: somebody sets {key} of {said(ref)} to {value!r}")
        for what in before.keys() | after.keys():
            if before.get(what, False) != after.get(what, False):
                now = after.get(what, False)
                self.expected.edited(ref, what, (ref[0], value) if what[0] == "company" else now)

    async def rename(self, who: int) -> None:
        if ref := self._someone(who):
            self._edited(ref, "name", self._name())

    async def rename_company(self, who: int) -> None:
        if companies := self._companies():
            self._edited(companies[who % len(companies)], "name", f"Firma {self._name()} S.A.")

    async def add_number(self, who: int) -> None:
        if ref := self._someone(who):
            self._edited(ref, "phones", [*self.sides.lists(ref, "phones"), self._number(ref[0])])

    async def drop_number(self, who: int, how: int) -> None:
        ref = self._someone(who)
        if ref and (phones := self.sides.lists(ref, "phones")):
            gone = phones[how % len(phones)]
            self._edited(ref, "phones", [one for one in phones if one != gone])

    async def replace_number(self, who: int, how: int) -> None:
        ref = self._someone(who)
        if ref and (phones := self.sides.lists(ref, "phones")):
            gone = phones[how % len(phones)]
            self._edited(ref, "phones", [self._number(ref[0]) if one == gone else one for one in phones])

    async def change_email(self, who: int, how: int) -> None:
        if ref := self._someone(who):
            emails = self.sides.lists(ref, "emails")
            more = [self._email(), *emails[1:]]
            # Of a second address in the contact centre nobody knows, unless it can be read.
            if ref[0] == PIPEDRIVE or self.sides.day.system.switches.second_email:
                more = (more, [*emails, self._email()], emails[1:])[how % 3]
            if more != emails:
                self._edited(ref, "emails", more)

    async def move(self, who: int, how: int) -> None:
        if ref := self._someone(who):
            company = self._a_company(ref[0], how)
            if company != self.sides.company_of(ref):
                self._edited(ref, "company", company)

    async def delete(self, who: int) -> None:
        if ref := self._someone(who):
            self._delete(ref)

    async def delete_company(self, who: int) -> None:
        if companies := self._companies():
            ref = companies[who % len(companies)]
            self._broken(ref)
            self._delete(ref)

    def _delete(self, ref: Ref) -> None:
        self.look()
        self.sides.delete(ref)
        self.say(f"{ref[0]}: somebody deletes {said(ref)}")
        self._gone(ref)

    def _gone(self, ref: Ref) -> None:
        self.expected.forget(ref)
        if other := self.partners.get(ref):
            self.parted[other] = len(self.sides.made)

    def _broken(self, company: Ref) -> None:
        """Who belongs to this company or its counterpart is not foretold any more."""
        for ref in (company, self.partners.get(company)):
            if ref is not None:
                self.odd.add(ref)
                self.expected.forget_company(ref)

    async def restore(self, who: int) -> None:
        merged = self.sides.day.company.merged
        gone = [
            ref
            for kind, entity in ((CUSTOMER, "person"), (COMPANY, "organization"))
            for ref in self.sides.deleted(kind)
            if ref[2] not in merged.get(entity, {})
        ]
        if gone:
            ref = gone[who % len(gone)]
            self.sides.in_pipedrive("restore", ref[1], id=ref[2])
            self.changes += 1
            self.say(f"{ref[0]}: somebody restores {said(ref)}")
            other = self.partners.get(ref)
            if other is not None and self.sides.is_there(other):
                self.parted.pop(other, None)
                self.expected.back(ref, other)
            self.odd |= {ref} if other is None else {ref, other}

    async def merge(self, who: int, how: int) -> None:
        self._merge(self.sides.alive(PIPEDRIVE, CUSTOMER), who, how)

    async def merge_companies(self, who: int, how: int) -> None:
        self._merge(self.sides.alive(PIPEDRIVE, COMPANY), who, how)

    async def merge_cards(self, who: int, how: int) -> None:
        self._merge(self.sides.alive(CENTRE, CUSTOMER), who, how)

    def _merge(self, refs: Sequence[Ref], who: int, how: int) -> None:
        """Two become one, which gains what it lacks."""
        if len(refs) < 2:
            return
        self.look()
        gone, survivor = refs[who % len(refs)], refs[(who + 1 + how % (len(refs) - 1)) % len(refs)]
        before = self.sides.stands(survivor)
        if gone[0] == CENTRE:
            self.sides.in_centre("customer_merged", customer_id=gone[2], into=survivor[2])
        else:
            self.sides.in_pipedrive("merge", gone[1], id=gone[2], into=survivor[2])
        self.say(f"{gone[0]}: somebody merges {said(gone)} into {said(survivor)}")
        after = self.sides.stands(survivor)
        involved = {gone, survivor, *(other for one in (gone, survivor) if (other := self.partners.get(one)))}
        self.odd |= involved
        self._gone(gone)
        if gone[1] == COMPANY:
            for ref in involved:
                self._broken(ref)
        self.changes += 1 + len(after.keys() - before.keys())
        if before == after and self.sides.counterpart(survivor) == self.partners.get(survivor):
            return
        for ref in involved:
            if self.sides.is_there(ref):
                self.expected.contest(ref)

    async def twin(self, who: int) -> None:
        """Somebody enters a person on the other side who has a number that is known."""
        ref = self._someone(who)
        if ref and (phones := self.sides.lists(ref, "phones")):
            side = PIPEDRIVE if ref[0] == CENTRE else CENTRE
            values = {
                "first": "Jan",
                "name": self._name(),
                "phones": [phone(phones[0])],
                "emails": [],
                "company": None,
            }
            twin = self.sides.make(side, CUSTOMER, values)
            self.odd |= {ref, twin, *self._sharing(phone(phones[0]))}
            self._made(twin)

    def _sharing(self, number: str) -> set[Ref]:
        people = self._people()
        return {ref for ref in people if number in map(phone, self.sides.lists(ref, "phones"))}
