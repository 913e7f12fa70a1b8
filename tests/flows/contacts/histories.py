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
from inspect import signature
from pathlib import Path
from random import Random
from sqlite3 import connect
from tempfile import TemporaryDirectory

from aiohttp import web

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
from connector.sandbox.pipedrive.app import WORLD
from connector.store.questions import Kind as QuestionKind
from tests.bad_days.days import SIDES, Day, open_day
from tests.flows.contacts.acting import Actors
from tests.flows.contacts.both_sides import (
    CENTRE,
    COMPANY,
    CUSTOMER,
    PIPEDRIVE,
    BothSides,
    Ref,
    Told,
    said,
)
from tests.flows.contacts.expecting import Expectations
from tests.flows.contacts.judging import too_many_writes, wrongs
from tests.flows.contacts.steps import FAULTS, TIMEOUT, Habits, Step
from tests.flows.contacts.troubles import UNKNOWN, Dead, Trouble, written
from tests.world import ago, install

WAITS: dict[str, object] = {
    "lease": 120, "first_look": 180, "look_gap": 60, "retry_waits": (30, 120, 600), "pipedrive_timeout": TIMEOUT,
    "thulium_timeout": TIMEOUT, "thulium_connections": 4,
}  # fmt: skip


#: Where a database costs no turn of a disk.
FAST = next((folder for folder in ("/dev/shm",) if Path(folder).is_dir()), None)  # noqa: S108


class SteppingClock(Clock):
    """Time that moves only where it is told to, or where somebody sleeps."""

    async def sleep(self, seconds: float) -> None:
        self.move_to(self.offset + timedelta(seconds=seconds))
        await asyncio.sleep(0)


class Wrong(AssertionError):
    """What a history ended in, after its script."""


@dataclass(kw_only=True)
class Player(Actors):
    """Plays one history."""

    day: Day
    clock: SteppingClock
    stack: AsyncExitStack
    service: Service
    tenant_id: str
    counts: Counter[str] = field(default_factory=Counter)
    _of: Service | None = None
    _tenant: Tenant | None = None

    async def play(self, steps: Sequence[Step]) -> None:
        for number, step in enumerate(steps, 1):
            self.script.append(f"{number:2}. {step.what}")
            happen = getattr(self, step.what)
            await happen(**{name: getattr(step, name) for name in signature(happen).parameters})
            self.look()
        await self.quiet()
        self.check_writes()

    async def tenant(self) -> Tenant:
        """The installation, as the process that runs now has it."""
        if self._of is not self.service:
            self._of, self._tenant = self.service, await self.service.tenant(self.tenant_id)
        assert self._tenant is not None
        return self._tenant

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
        await self.deliver()
        for rule, side in zip(rules, SIDES, strict=True):
            self.day.faults(side).rules.remove(rule)

    # what the connector does

    async def deliver(self) -> None:
        """All webhooks that are under way arrive, and what they hint at is worked on."""
        told, self.sides.told = self.sides.told, []
        await self._follow(told)
        await self.work()

    async def lose(self, who: int) -> None:
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

    async def wait(self, how: int) -> None:
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

    async def work(self) -> None:
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
            if str(fault["kind"]).startswith(UNKNOWN) and (ref := written(request)):
                self.expected.shake(ref, late=fault["kind"] == "late_effect")

        rule = self._trouble(side, fault, strike, method=method, path=path, nth=1 + who // 10 % 3)
        self.say(f"{side}: {rule.kind} will strike {method or 'any call'}, number {rule.nth}")

    async def land(self) -> None:
        """What was sent without an answer has its effect now."""
        for side in SIDES:
            late, made = len(self.sides.our_writes), len(self.sides.made)
            await self.day.faults(side).land()
            self.sides.landed.update(range(made, len(self.sides.made)))
            for line in self.sides.our_writes[late:]:
                self.say(f"landed late: {line}")

    async def restart(self) -> None:
        """The process ends in good order, and begins anew."""
        await self._close()
        await self._open()

    async def _close(self) -> None:
        await self.stack.aclose()

    async def _open(self) -> None:
        self.service = await self.stack.enter_async_context(self.day.world.connector(self.clock))

    async def cancel(self, how: int) -> None:
        """The process is stopped while it works, at some call."""
        work = asyncio.create_task(self.deliver())

        def strike(request: web.Request) -> None:
            self.say(f"stopped at {request.method} {request.path}")
            if ref := written(request):
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
        await self.restart()

    async def kill(self, who: int, how: int) -> None:
        """The process dies at some call: nothing is sent after that, and the database is as it was then."""
        folder = self.day.world.database.parent
        copy = folder / "as it was.db"

        def strike(request: web.Request) -> None:
            if copy.exists():
                return
            self.say(f"killed {'before' if who % 2 else 'after'} {request.method} {request.path}")
            if ref := written(request):
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
        await self.deliver()
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

    async def sweep(self) -> None:
        try:
            await ensure(await self.tenant(), no_older_than=timedelta())
        except ConnectorError as error:
            self.say(f"the sweep is broken off: {error}")

    async def scan(self) -> None:
        tenant = await self.tenant()
        [centre] = tenant.centres.values()
        try:
            await scan(tenant, centre)
        except ConnectorError as error:
            self.say(f"the scan is broken off: {error}")

    # the quiet end

    async def quiet(self) -> None:
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
            await self.sweep()
            await self.scan()
            await self.deliver()
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
        """Raise what is wrong."""
        if wrong := wrongs(self, await self._asked()):
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

    def check_writes(self) -> None:
        self.counts["histories"] += 1
        self.counts["changes"] += self.changes
        self.counts["writes"] += len(self.sides.our_writes)
        self.counts["idle writes"] += self.sides.idle_writes
        if too_many := too_many_writes(self):
            raise AssertionError(too_many)


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
        yield Player(
            sides=sides, expected=Expectations(sides), day=day, clock=clock, stack=stack, service=service,
            tenant_id=tenant.id,
        )  # fmt: skip


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
