"""Random histories of both sides: people edit, webhooks go astray, calls fail, the process ends; then all is quiet.

A history is a list of steps, each with two numbers that say who and what is meant among what is there at that moment;
what came of it is written down as a script that a person can read.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, closing, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from random import Random
from sqlite3 import connect
from tempfile import TemporaryDirectory

from aiohttp import web
from hypothesis import strategies as st

from connector.app import Service
from connector.clock import Clock
from connector.errors import ConnectorError, Retryable, Unauthorised
from connector.flows.contacts.linking import keep_special_fields
from connector.flows.contacts.scanning import scan
from connector.flows.contacts.working import work_through
from connector.flows.following import follow_hint, follow_hook
from connector.flows.indexing import census, ensure
from connector.flows.tenant import Tenant
from connector.pipedrive.hooks import parse_hook
from connector.sandbox.faults import Rule
from connector.sandbox.pipedrive.app import WORLD
from connector.store.questions import Kind as QuestionKind
from tests.bad_days.days import SIDES, Day, open_day
from tests.flows.contacts.both_sides import (
    CENTRE,
    COMPANY,
    CUSTOMER,
    FIRST_NAMES,
    PIPEDRIVE,
    BothSides,
    Ref,
    Told,
    phone,
    said,
)
from tests.flows.contacts.expecting import Expectations
from tests.world import ago, install

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
#: After these nobody knows whether a write was done.
_UNKNOWN = ("timeout", "reset", "late_effect", "status", "empty_body")
_WRITES = ("POST", "PATCH", "PUT")
_RECORD = re.compile(r"/(persons|organizations|customers|companies)/(\d+)$")

WAITS: dict[str, object] = {
    "lease": 120, "first_look": 180, "look_gap": 60, "retry_waits": (30, 120, 600), "pipedrive_timeout": TIMEOUT,
    "thulium_timeout": TIMEOUT, "thulium_connections": 4,
}  # fmt: skip


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


#: Where a database costs no turn of a disk.
FAST = "/dev/shm" if Path("/dev/shm").is_dir() else None


class SteppingClock(Clock):
    """Time that moves only where it is told to, or where somebody sleeps."""

    async def sleep(self, seconds: float) -> None:
        self.move_to(self.offset + timedelta(seconds=seconds))
        await asyncio.sleep(0)


class Wrong(AssertionError):
    """What a history ended in, after its script."""


@dataclass
class Trouble(Rule):
    """A fault, or something else, that comes with a call; `strike` is told which."""

    strike: Callable[[web.Request], None] = lambda _request: None
    quiet: bool = False

    def strikes(self, request: web.Request) -> bool:
        if not super().strikes(request):
            return False
        self.strike(request)
        return not self.quiet


def _written(request: web.Request) -> Ref | None:
    """The record that a call would change."""
    found = _RECORD.search(request.path)
    if found is None or request.method not in _WRITES:
        return None
    kind = CUSTOMER if found[1] in ("persons", "customers") else COMPANY
    return PIPEDRIVE if found[1] in ("persons", "organizations") else CENTRE, kind, int(found[2])


@dataclass
class Dead(Rule):
    """Drops every call once `copy` is there."""

    copy: Path = Path()

    def strikes(self, request: web.Request) -> bool:
        return self.copy.exists()


@dataclass
class Player:
    """Plays one history."""

    day: Day
    clock: SteppingClock
    sides: BothSides
    expected: Expectations
    stack: AsyncExitStack
    service: Service
    tenant_id: str
    script: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    changes: int = 0
    #: Records whose counterpart was deleted: nothing is made in its place. Those whose identity may be asked for.
    parted: set[Ref] = field(default_factory=set)
    odd: set[Ref] = field(default_factory=set)
    partners: dict[Ref, Ref] = field(default_factory=dict)

    async def play(self, steps: Sequence[Step]) -> None:
        for number, step in enumerate(steps, 1):
            self.script.append(f"{number:2}. {step.what}")
            await getattr(self, step.what)(step.who, step.how)
            self.look()
        await self.quiet(0, 0)
        self.check_writes()

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

    async def tenant(self) -> Tenant:
        return await self.service.tenant(self.tenant_id)

    # what people do

    async def pause(self, who: int, how: int) -> None:
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

    async def new_company(self, who: int, how: int) -> None:
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

    async def rename(self, who: int, how: int) -> None:
        if ref := self._someone(who):
            self._edited(ref, "name", self._name())

    async def rename_company(self, who: int, how: int) -> None:
        if companies := self._companies():
            self._edited(companies[who % len(companies)], "name", f"Firma {self._name()} S.A.")

    async def add_number(self, who: int, how: int) -> None:
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
            if ref[0] == PIPEDRIVE or self.day.system.switches.second_email:
                more = (more, [*emails, self._email()], emails[1:])[how % 3]
            if more != emails:
                self._edited(ref, "emails", more)

    async def move(self, who: int, how: int) -> None:
        if ref := self._someone(who):
            company = self._a_company(ref[0], how)
            if company != self.sides.company_of(ref):
                self._edited(ref, "company", company)

    async def delete(self, who: int, how: int) -> None:
        if ref := self._someone(who):
            self._delete(ref)

    async def delete_company(self, who: int, how: int) -> None:
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
            self.parted.add(other)

    def _broken(self, company: Ref) -> None:
        """Who belongs to this company or its counterpart is not foretold any more."""
        for ref in (company, self.partners.get(company)):
            if ref is not None:
                self.odd.add(ref)
                self.expected.forget_company(ref)

    async def restore(self, who: int, how: int) -> None:
        merged = self.day.company.merged
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
                self.parted.discard(other)
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

    async def twin(self, who: int, how: int) -> None:
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

    async def meanwhile(self, who: int, how: int) -> None:
        """Somebody edits while the connector works, just before one of its calls arrives."""

        def strike(request: web.Request) -> None:
            if ref := self._someone(who):
                self.say(f"before {request.method} {request.path}:")
                if how % 2:
                    self._edited(ref, "name", self._name())
                else:
                    self.expected.shake(ref)
                    self._edited(ref, "phones", [*self.sides.lists(ref, "phones"), self._number(ref[0])])

        rules = [
            self._trouble(side, {"kind": "delay", "seconds": 0}, strike, nth=1 + how % 9, quiet=True)
            for side in SIDES
        ]
        await self.deliver(0, 0)
        for rule, side in zip(rules, SIDES, strict=True):
            self.day.faults(side).rules.remove(rule)

    # what the connector does

    async def deliver(self, who: int, how: int) -> None:
        """All webhooks that are under way arrive, and what they hint at is worked on."""
        told, self.sides.told = self.sides.told, []
        await self._follow(told)
        await self.work(who, how)

    async def lose(self, who: int, how: int) -> None:
        """A webhook is lost."""
        if self.sides.told:
            gone = self.sides.told.pop(who % len(self.sides.told))
            self.say(f"a webhook of {said(gone.of)} is lost")

    async def double(self, who: int, how: int) -> None:
        """A webhook comes twice, the second time perhaps much later."""
        if self.sides.told:
            again = self.sides.told[who % len(self.sides.told)]
            self.sides.told.insert(how % (len(self.sides.told) + 1), again)
            self.say(f"a webhook of {said(again.of)} comes twice")

    async def shuffle(self, who: int, how: int) -> None:
        """Webhooks overtake each other, and some come only later."""
        Random(who * 64 + how).shuffle(self.sides.told)
        told = self.sides.told
        arriving, self.sides.told = told[: how % (len(told) + 1)], told[how % (len(told) + 1) :]
        await self._follow(arriving)

    async def wait(self, who: int, how: int) -> None:
        """Time passes."""
        await self.pass_time((10, 70, 200, 700, 4000)[how % 5])

    async def _follow(self, told: Sequence[Told]) -> None:
        if not told:
            return
        tenant = await self.tenant()
        for one in told:
            try:
                if one.side == PIPEDRIVE:
                    marked = await follow_hook(tenant, parse_hook(one.body))
                else:
                    [centre] = tenant.centres.values()
                    hints = centre.api.read_hook("application/x-www-form-urlencoded", one.body)
                    marked = any([await follow_hint(tenant, centre.id, hint) for hint in hints])
            except (Retryable, Unauthorised) as error:
                self.sides.told.append(one)
                self.say(f"a webhook of {said(one.of)} is put off: {error}")
            except ConnectorError as error:
                self.say(f"a webhook of {said(one.of)} is given up: {error}")
            else:
                self.say(f"a webhook of {said(one.of)} arrives{'' if marked else ', and is nothing new'}")

    async def work(self, who: int, how: int) -> None:
        """Work on what is marked and due."""
        before = len(self.sides.our_writes)
        try:
            counts = await work_through(await self.tenant(), self.service.operations)
        except ConnectorError as error:
            self.say(f"the work is broken off: {type(error).__name__}: {error}")
        else:
            self.say(f"worked: {dict(counts)}")
            if counts["broken"]:
                raise AssertionError("a mistake in the connector")
        for line in self.sides.our_writes[before:]:
            self.say(f"    wrote: {line}")

    # what goes wrong

    def _trouble(
        self, side: str, fault: Mapping[str, object], strike: Callable[[web.Request], None], **more: object
    ) -> Trouble:
        rule = Trouble(**{**fault, **more}, strike=strike)  # type: ignore[arg-type]
        if rule.path is not None:
            rule.pattern = re.compile(rule.path)
        self.day.faults(side).add(rule)
        return rule

    async def fault(self, who: int, how: int) -> None:
        """One of the next calls fails, often a write."""
        side, fault = ("pipedrive", "thulium")[who % 2], FAULTS[how % len(FAULTS)]
        method = (None, "GET", "POST", *(("PATCH", "PATCH") if side == "pipedrive" else ("PUT", "PUT")))[
            who // 2 % 5
        ]
        path = None if method != "POST" else "/(persons|organizations|customers|companies)$"

        def strike(request: web.Request) -> None:
            self.counts["faults struck"] += 1
            self.say(f"{request.method} {request.path} is struck: {fault['kind']} {fault.get('status', '')}")
            if str(fault["kind"]).startswith(_UNKNOWN) and (ref := _written(request)):
                self.expected.shake(ref, late=fault["kind"] == "late_effect")

        rule = self._trouble(side, fault, strike, method=method, path=path, nth=1 + who // 10 % 3)
        self.say(f"{side}: {rule.kind} will strike {method or 'any call'}, number {rule.nth}")

    async def land(self, who: int = 0, how: int = 0) -> None:
        """What was sent without an answer has its effect now."""
        for side in SIDES:
            late = len(self.sides.our_writes)
            await self.day.faults(side).land()
            for line in self.sides.our_writes[late:]:
                self.say(f"landed late: {line}")

    async def restart(self, who: int, how: int) -> None:
        """The process ends in good order, and begins anew."""
        await self._close()
        await self._open()

    async def _close(self) -> None:
        await self.stack.aclose()

    async def _open(self) -> None:
        self.service = await self.stack.enter_async_context(self.day.world.connector(self.clock))

    async def cancel(self, who: int, how: int) -> None:
        """The process is stopped while it works, at some call."""
        work = asyncio.create_task(self.deliver(0, 0))

        def strike(request: web.Request) -> None:
            self.say(f"stopped at {request.method} {request.path}")
            if ref := _written(request):
                self.expected.shake(ref)
            work.cancel()

        rules = [
            self._trouble(side, {"kind": "delay", "seconds": 0}, strike, nth=1 + how % 12, quiet=True)
            for side in SIDES
        ]
        with suppress(asyncio.CancelledError):
            await work
        for rule, side in zip(rules, SIDES, strict=True):
            self.day.faults(side).rules.remove(rule)
        await self.restart(0, 0)

    async def kill(self, who: int, how: int) -> None:
        """The process dies at some call: nothing is sent after that, and the database is as it was then."""
        folder = self.day.world.database.parent
        copy = folder / "as it was.db"

        def strike(request: web.Request) -> None:
            if copy.exists():
                return
            self.say(f"killed {'before' if who % 2 else 'after'} {request.method} {request.path}")
            if ref := _written(request):
                self.expected.shake(ref)
            with closing(connect(self.day.world.database)) as now, closing(connect(copy)) as then:
                now.backup(then)

        kind = "reset_before" if who % 2 else "reset_after"
        rules = [
            rule
            for side in SIDES
            for rule in (
                self._trouble(side, {"kind": kind}, strike, nth=1 + how % 10),
                Dead("reset_before", times=None, copy=copy),
            )
        ]
        for side, rule in zip(SIDES, rules[1::2], strict=True):
            self.day.faults(side).rules.insert(0, rule)
        told = list(self.sides.told)
        await self.deliver(0, 0)
        for side in SIDES:
            faults = self.day.faults(side)
            faults.rules[:] = [rule for rule in faults.rules if rule not in rules]
        if copy.exists():
            self.sides.told[:0] = told  # they were stored before anything was done about them
            await self._close()
            for old in folder.glob(f"{self.day.world.database.name}*"):
                old.unlink()
            copy.rename(self.day.world.database)
            await self._open()

    async def pass_time(self, seconds: float) -> None:
        if seconds > 60:
            await self.land()
        self.clock.move_to(self.clock.offset + timedelta(seconds=seconds))

    async def sweep(self, who: int, how: int) -> None:
        try:
            await ensure(await self.tenant(), no_older_than=timedelta())
        except ConnectorError as error:
            self.say(f"the sweep is broken off: {error}")

    async def scan(self, who: int, how: int) -> None:
        tenant = await self.tenant()
        [centre] = tenant.centres.values()
        try:
            await scan(tenant, centre)
        except ConnectorError as error:
            self.say(f"the scan is broken off: {error}")

    # the quiet end

    async def quiet(self, who: int, how: int) -> None:
        """Nothing fails any more and time passes, until nothing is written and nothing due; then all has to be right."""
        self.script.append("    quiet")
        self.day.mend()
        await self.land()
        silent = 0
        await self.pass_time(8 * 86_400)
        for number in range(8):
            before = len(self.sides.our_writes)
            await self.pass_time(2 * 86_400)
            if number == 0:
                await census(await self.tenant())
            await self.sweep(0, 0)
            await self.scan(0, 0)
            await self.deliver(0, 0)
            tenant = await self.tenant()
            due = await tenant.dirty.next_due()
            # What was refused waits for days, and was refused again.
            waiting = due is not None and due < self.clock.now() + timedelta(hours=6)
            calm = len(self.sides.our_writes) == before and not waiting and not self.sides.told
            silent = silent + 1 if calm else 0
            if silent == 2:
                break
        else:
            raise AssertionError("it never becomes quiet")
        self.look()
        await self.check()
        self.expected.calm()

    async def check(self) -> None:
        wrong = [said for ref, what, said in self.expected.lost() if not self._is_excused(ref, what[0])]
        asked = await self._asked()
        wrong += [f"it is asked whose {said(ref)} is" for ref in asked if asked[ref] and ref not in self.odd]
        for kind in (CUSTOMER, COMPANY):
            pairs = self.sides.pairs(kind)
            for ours, theirs in pairs.items():
                here = self.sides.stands((CENTRE, kind, ours))
                there = self.sides.stands((PIPEDRIVE, kind, theirs))
                wrong += [
                    f"{said((CENTRE, kind, ours))} and {said((PIPEDRIVE, kind, theirs))} differ in {what}: "
                    f"{here.get(what)!r}, {there.get(what)!r}"
                    for what in here.keys() | there.keys()
                    if here.get(what) != there.get(what)
                    and not self._is_excused((CENTRE, kind, ours), what[0])
                ]
            wrong += [
                f"{said(ref)} has no counterpart"
                for ref in self._alone(kind, pairs)
                if ref not in self.parted
                and ref not in asked
                and ref not in self.odd
                and not self._is_orphan(ref)
            ]
        wrong += [f"{said(ref)} was made twice" for ref in self._made_twice()]
        wrong += [f"{said(ref)}, which we made of another, begot one more" for ref in self._begotten()]
        if wrong:
            raise AssertionError("\n".join(wrong))

    async def _asked(self) -> dict[Ref, bool]:
        """Records of which a person is asked (true), or that are named as candidates."""
        asked: dict[Ref, bool] = {}
        for one in await (await self.tenant()).questions.open():
            kind = CUSTOMER if one.kind in (QuestionKind.CUSTOMER, QuestionKind.PERSON) else COMPANY
            here, there = (
                (CENTRE, PIPEDRIVE)
                if one.kind in (QuestionKind.CUSTOMER, QuestionKind.COMPANY)
                else (PIPEDRIVE, CENTRE)
            )
            for candidate in one.candidates:
                asked.setdefault((there, kind, int(candidate.rpartition("/")[2])), False)
            asked[here, kind, int(one.subject.rpartition("/")[2])] = True
        return asked

    def _is_excused(self, ref: Ref, what: str) -> bool:
        """Whether nobody could keep this field the same."""
        other = self.sides.counterpart(ref)
        if other is None:
            return False
        customer, person = (ref, other) if ref[0] == CENTRE else (other, ref)
        if what == "emails":
            # A merge of cards leaves addresses that nobody is shown.
            return not self.day.system.switches.second_email and customer in self.odd
        return what == "company" and self._is_adrift(customer[2], person[2])

    def _is_adrift(self, customer: int, person: int) -> bool:
        """Whether one of two people belongs to a company that was deleted, merged, or has no counterpart."""
        company = self.sides.company_of((CENTRE, CUSTOMER, customer))
        organization = self.sides.company_of((PIPEDRIVE, CUSTOMER, person))
        pairs = self.sides.pairs(COMPANY)
        return (company is not None and (company not in pairs or (CENTRE, COMPANY, company) in self.odd)) or (
            organization is not None
            and (organization not in pairs.values() or (PIPEDRIVE, COMPANY, organization) in self.odd)
        )

    def _is_orphan(self, ref: Ref) -> bool:
        """Whether we made it of one that was gone when it came to be, or was merged and had a counterpart already."""
        source = next((source for one, source in self.sides.made if one == ref), None)
        of = (PIPEDRIVE if ref[0] == CENTRE else CENTRE, ref[1], source or 0)
        return source is not None and (
            not self.sides.is_there(of) or self.sides.counterpart(of) not in (None, ref)
        )

    def _begotten(self) -> list[Ref]:
        made = {ref for ref, _ in self.sides.made}
        sources = [
            (CENTRE if ref[0] == PIPEDRIVE else PIPEDRIVE, ref[1], source or 0)
            for ref, source in self.sides.made
        ]
        return [ref for ref in sources if ref in made]

    def _alone(self, kind: str, pairs: dict[int, int]) -> list[Ref]:
        alone = [ref for ref in self.sides.alive(CENTRE, kind) if ref[2] not in pairs]
        alone += [ref for ref in self.sides.alive(PIPEDRIVE, kind) if ref[2] not in pairs.values()]
        return [ref for ref in alone if kind == COMPANY or self._is_reachable(ref)]

    def _is_reachable(self, ref: Ref) -> bool:
        return bool(self.sides.lists(ref, "phones") or self.sides.lists(ref, "emails"))

    def _made_twice(self) -> list[Ref]:
        sources = Counter((ref[0], ref[1], source) for ref, source in self.sides.made)
        return [
            ((CENTRE if side == PIPEDRIVE else PIPEDRIVE), kind, source or 0)
            for (side, kind, source), times in sources.items()
            if times > 1
        ]

    def check_writes(self) -> None:
        allowed = 2 * self.changes + len(self.sides.made)
        self.counts["histories"] += 1
        self.counts["changes"] += self.changes
        self.counts["writes"] += len(self.sides.our_writes)
        self.counts["idle writes"] += self.sides.idle_writes
        if len(self.sides.our_writes) > allowed:
            raise AssertionError(f"{len(self.sides.our_writes)} writes of {self.changes} changes")


@dataclass(frozen=True)
class Habits:
    """What differs from one account to another."""

    second_email: bool = False
    spaced_phones: bool = False
    unique_names: bool = False


HABITS = st.builds(Habits, st.booleans(), st.booleans(), st.booleans())


@asynccontextmanager
async def opened(folder: Path, habits: Habits) -> AsyncIterator[Player]:
    """Both simulators and a connector that keeps them in step, before the first step."""
    async with open_day(folder, waits=WAITS) as day, AsyncExitStack() as stack:
        clock = SteppingClock()
        clock.on_move(lambda: _follow_time(day, clock))
        async with day.world.connector(clock, pipedrive_timeout=20.0, thulium_timeout=20.0) as service:
            tenant = await install(service, since=ago(hours=1), contacts={"sync": "on"})
            await keep_special_fields(tenant, service.installations)
            tenant = await service.tenant(tenant.id)
            await ensure(tenant, no_older_than=tenant.sweep_every)
        service = await stack.enter_async_context(day.world.connector(clock))
        day.system.switches.set_all(
            {"second_email": habits.second_email, "unique_names": habits.unique_names}
        )
        day.company.phone_format = "spaced" if habits.spaced_phones else "typed"
        sides = BothSides(day)
        special = tenant.settings.special_fields
        sides.fields = {
            CUSTOMER: special.person_centre_id or "",
            COMPANY: special.organization_centre_id or "",
        }
        sides.listen()
        yield Player(day, clock, sides, Expectations(sides), stack, service, tenant.id)


def _follow_time(day: Day, clock: Clock) -> None:
    day.pipedrive[WORLD].clock.offset = day.system.clock.offset = clock.offset


async def played(habits: Habits, steps: Sequence[Step]) -> Counter[str]:
    """Play a history; what goes wrong is raised with the script of what happened."""
    with TemporaryDirectory(dir=FAST) as folder:
        async with opened(Path(folder), habits) as player:
            try:
                await player.play(steps)
            except Exception as error:
                script = "\n".join(line for line in player.script if not line.endswith(". pause"))
                raise Wrong(f"{habits}\n{script}\n\n{type(error).__name__}: {error}") from error
            return player.counts
