"""The whole product without an account: both simulators, the connector and a scripted day in one process.

Nothing here is special to the demo but the clock: the connector is installed through its own pages over OAuth, writes
through real HTTP and is audited by its own audit. What is lost or double is counted by comparing the simulators.
"""

from __future__ import annotations

import asyncio
import logging
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
from aiohttp.typedefs import Middleware
from cryptography.fernet import Fernet
from pydantic import SecretStr

from connector.app import Service, open_service
from connector.demo_contacts import Evening, invitations, spend_evening
from connector.errors import ConnectorError
from connector.flows.auditing import Audit, audit
from connector.installation_settings import InstallationSettings
from connector.jobs import Jobs
from connector.logs import set_up
from connector.records import Window
from connector.sandbox.faults import Faults
from connector.sandbox.scenario import Day, Step
from connector.sandbox.scenario_cast import BRANCHES, ROWERY, Branch
from connector.sandbox.scenario_open import CONTACT_CENTRE, free_port, open_simulators
from connector.sandbox.scenario_proof import Proof, prove
from connector.serving import serving
from connector.settings import Settings
from connector.store.entries import State
from connector.web.set_up_code import set_up_code

#: Ports of the connector and the simulators; another one is taken where one of them is in use.
PORTS = (8080, 8090, 8091)
ANY_PORTS = (0, 0, 0)
LONGEST_ONCE_S = 115.0
#: After the day: second looks, topics and healing looks come due, the last of them after 24 hours.
EVENING_H = (0.25, 0.5, 1, 2, 8.5, 24.25, 24.75, 26.5)

Say = Callable[[str], None]


@dataclass(slots=True)
class Played:
    """What a day came to."""

    summary: dict[str, int | float]
    differences: list[str]
    proof: Proof
    audits: dict[str, Audit]

    @property
    def clean(self) -> bool:
        """Whether nothing is lost, double or otherwise different."""
        return not (self.summary["duplicates"] or self.summary["lost"] or self.differences)


@dataclass(slots=True)
class Demo:
    """The running parts, and the people of the story."""

    day: Day
    service: Service
    jobs: Jobs
    crm_faults: Faults
    say: Say
    installations: dict[str, str] = field(default_factory=dict)
    spent: dict[tuple[str, str], int] = field(default_factory=dict)
    begun: float = field(default_factory=time.monotonic)

    async def move(self, at: datetime) -> None:
        """Set all three clocks."""
        self.service.clock.move_to(await self.day.stage.move(at))

    async def install(self, branch: Branch) -> None:
        """Click through the installation as an administrator of the company does."""
        settings = self.service.settings
        form = {"code": set_up_code(settings)}
        await (await self.day.stage.http.post(f"{settings.public_url}/install/code", data=form)).read()
        async with self.day.stage.http.get(f"{settings.public_url}/install") as consent:
            wanted = {key: consent.url.query[key] for key in ("client_id", "redirect_uri", "state")}
        form = wanted | {"user": str(self.day.stage.users[branch.admin]), "decision": "allow"}
        async with self.day.stage.http.post(consent.url.with_query(None), data=form) as answer:
            if answer.status != 200 or not answer.url.path.startswith("/console/"):
                raise RuntimeError(
                    f"{branch.company} could not be installed: {answer.status} at {answer.url.path}"
                )
        self.installations[branch.letter] = str(self.day.stage.companies[branch.letter])

    async def connect(self, branch: Branch, since: datetime | None = None) -> None:
        """Set up the branch's rules and connect its contact centre, which then tells of events at once."""
        await self.set_up(branch, self.day.settings(branch))
        await self.service.connect_centre(
            self.installations[branch.letter],
            vendor="thulium",
            system=branch.system,
            user=CONTACT_CENTRE.login,
            password=CONTACT_CENTRE.password,
            since=since,
        )

    async def set_up(self, branch: Branch, document: dict[str, object]) -> None:
        """Save the branch's settings document; what failed under the old one is tried again."""
        tenant = await self.service.tenant(self.installations[branch.letter])
        settings = InstallationSettings.model_validate({"switched_on": True} | document)
        seen = tenant.installed.settings_version
        if not await self.service.installations.set_settings(tenant.id, settings, seen_version=seen):
            raise RuntimeError(f"the settings of {branch.company} were changed by somebody else")
        # A run under way may still decide by the old document.
        await self.jobs.catch_up()
        await tenant.ledger.retry_parked()

    async def play_day(self) -> None:
        """The working day, a quarter of an hour at a time."""
        for at in self.day.moments():
            await self.day.stage.move(at)
            step = await self.day.play(at)
            for asked in step.asked:
                if asked.startswith("reconnect"):
                    await self.install(next(one for one in BRANCHES if asked.endswith(one.letter)))
                else:
                    await self.set_up(ROWERY, self.day.settings(ROWERY) | {"chats": {"type": "task"}})
            await self.move(at)
            await self.catch_up()
            await self._tell(step)

    async def let_time_pass(self) -> None:
        """The hours after: everything that was put off comes due."""
        for hours in EVENING_H:
            await self._note_spent()
            at = self.day.closes + timedelta(hours=hours)
            await self.move(at)
            await self.catch_up()
            await self._tell(Step(at))

    async def catch_up(self) -> None:
        """Let webhooks arrive and the connector do all it can do now."""
        await self.day.stage.post(self.day.stage.pipedrive, "hooks/settle", {"seconds": 5})
        await self.jobs.catch_up()
        # What was sent and given up takes effect within a minute, not a quarter of an hour later.
        await self.crm_faults.land()

    async def counts(self) -> Counter[str]:
        """Ledger entries by state, over all installations."""
        total: Counter[str] = Counter()
        for installation_id in self.installations.values():
            total += Counter(await (await self.service.tenant(installation_id)).ledger.counts())
        return total

    async def result(self) -> Played:
        """Compare, audit and count."""
        await self._note_spent()
        counts, proof = await self.counts(), await prove(self.day.stage)
        window = Window(self.day.opens - timedelta(hours=1), self.service.clock.now())
        tenants = {letter: await self.service.tenant(one) for letter, one in self.installations.items()}
        audits = {tenant.installed.name: await audit(tenant, window) for tenant in tenants.values()}
        unfinished = counts[State.RETRY] + counts[State.NEW] + counts[State.SENDING]
        states = {name: counts[name] for name in ("skipped", "waiting", "undecided")}
        states |= {"retry": unfinished, "parked": counts[State.PARKED]}
        spent = sum(self.spent.values())
        summary: dict[str, int | float] = {
            "events": proof.activities + sum(states.values()),
            "activities": proof.activities,
            **states,
            "duplicates": len(proof.duplicates),
            "lost": len(proof.lost),
            "tokens": spent,
            "tokens_per_activity": round(spent / max(proof.activities, 1), 2),
            "seconds": round(time.monotonic() - self.begun, 1),
        }
        return Played(summary, _differences(summary, proof, audits), proof, audits)

    async def keep_in_step(self) -> Evening:
        """From now on customers are the same on both sides; some are edited to show it."""
        return await spend_evening(self.service, self.jobs, self.day.stage, self.installations)

    async def _note_spent(self) -> None:
        self.spent |= await self.day.stage.spent()

    async def _tell(self, step: Step) -> None:
        counts, met = await self.counts(), await self.day.stage.faults_met()
        numbers = {
            "events": counts.total(),
            "activities": counts[State.DONE],
            "waiting": counts[State.WAITING],
            "under way": counts[State.NEW] + counts[State.SENDING] + counts[State.RETRY],
            "faults met": met.total(),
        }
        line = "  ".join(f"{name} {number:>3}" for name, number in numbers.items())
        news = list(step.cases)
        if dead := sum(one.state == "reconnect" for one in await self.service.installations.all()):
            news.append(f"{dead} to reconnect")
        self.say(f"{step.at:%a %H:%M}  {line}  {', '.join(news)}".rstrip())


def _differences(summary: dict[str, int | float], proof: Proof, audits: dict[str, Audit]) -> list[str]:
    """What is not as it should be, a line each: by the simulators, by the ledger's counts, by the connector's audit."""
    found = list(proof.differences)
    found += [
        f"{state}: {summary[state]} in the ledger, {proof.fates[state]} expected"
        for state in ("skipped", "waiting", "undecided", "parked")
        if summary[state] != proof.fates[state]
    ]
    if summary["events"] != proof.events:
        found.append(f"events: {summary['events']} accounted for, {proof.events} happened")
    if summary["retry"]:
        found.append(f"retry: {summary['retry']} not finished")
    for name, one in audits.items():
        if not one.clean:
            found.append(f"audit of {name}: {orjson.dumps(one.report()['named']).decode()}")
    return found


@asynccontextmanager
async def open_demo(
    folder: Path,
    *,
    say: Say,
    ports: tuple[int, int, int] = ANY_PORTS,
    middlewares: Sequence[Middleware] = (),
    **changes: object,
) -> AsyncIterator[Demo]:
    """Start simulators and connector on loopback; `middlewares` see all that reaches Pipedrive.

    `changes` replace service settings. The simulators hold the cast of the scripted day, nothing is installed yet.
    """
    async with open_simulators(ports[1:], middlewares) as (day, crm_faults):
        own = f"http://127.0.0.1:{free_port(ports[0])}"
        settings = _settings(folder, own, day.stage.pipedrive, day.stage.thulium, changes)
        async with open_service(settings) as service, serving(service) as jobs:
            yield Demo(day, service, jobs, crm_faults, say)


def _settings(folder: Path, own: str, pipedrive: str, thulium: str, changes: dict[str, object]) -> Settings:
    hosts = tuple(origin.removeprefix("http://") for origin in (own, pipedrive, thulium))
    values: dict[str, object] = {
        "database_url": f"sqlite:///{folder / 'demo.db'}",
        "public_url": own,
        "listen": hosts[0],
        "secret_keys": (SecretStr(Fernet.generate_key().decode()),),
        "trusted_hosts": hosts,
        "pipedrive_client_id": "demo-client",
        "pipedrive_client_secret": SecretStr("demo-secret"),
        "pipedrive_oauth_url": pipedrive,
        "pipedrive_api_url": pipedrive,
        "pipedrive_url": pipedrive + "/of/{domain}",
        "thulium_url": thulium + "/{system}",
        "thulium_requests_per_second": 0,
        "thulium_call_actions": ("AGENT_ANSWERED", "CLIENT_ANSWERED", "AGENT_ENDED_CALL"),
        "pipedrive_timeout": 2.0,
        "thulium_timeout": 2.0,
        "clock_control": True,
        "sync_jitter": 0,
        "log_level": "ERROR",
        **changes,
    }
    return Settings(_env_file=None, **values)  # type: ignore[arg-type]


async def play(demo: Demo) -> None:
    """Install both companies before opening time, and play the day and what follows."""
    await demo.move(demo.day.opens - timedelta(minutes=10))
    for branch in BRANCHES:
        await demo.install(branch)
        await demo.connect(branch, since=demo.day.opens)
    await demo.play_day()
    await demo.let_time_pass()


async def run(*, once: bool, fresh: bool) -> int:
    """The demo of the command line; answers the exit status."""
    set_up("text", "ERROR")
    # Faults are part of the story: a job that takes longer for one is no news.
    logging.getLogger("apscheduler").setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory(prefix="connector-demo-") as folder:
        try:
            return await (_once(Path(folder)) if once else _stay(Path(folder), fresh=fresh))
        except (ConnectorError, OSError) as error:
            print(f"The demo stopped. {error}", file=sys.stderr)
            return 2


async def _once(folder: Path) -> int:
    progress = Progress()
    try:
        async with asyncio.timeout(LONGEST_ONCE_S), open_demo(folder, say=progress) as demo:
            await play(demo)
            played = await demo.result()
            evening = await demo.keep_in_step()
    except TimeoutError:
        progress.end()
        print(f"The demo did not end within {LONGEST_ONCE_S:.0f} seconds.", file=sys.stderr)
        return 3
    progress.end()
    _report(played, evening)
    return 0 if played.clean and not evening.differences else 1


def _report(played: Played, evening: Evening) -> None:
    """Audits, differences if any, and on the last line the numbers."""
    for name, one in played.audits.items():
        print(f"audit of {name}: {orjson.dumps(one.report()).decode()}")
    print(evening)
    for difference in (*played.differences, *evening.differences):
        print(f"difference: {difference}")
    print(orjson.dumps(played.summary).decode(), flush=True)


async def _stay(folder: Path, *, fresh: bool) -> int:
    """Play the day unless a person shall install it, then go on in real time until told to stop."""
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    progress = Progress()
    async with open_demo(folder, say=progress, ports=PORTS, sync_interval=20) as demo:
        work = asyncio.create_task(
            _wait_for_installs(demo) if fresh else _play_to_the_present(demo, progress)
        )
        waiting = asyncio.create_task(stopped.wait())
        await asyncio.wait((work, waiting), return_when=asyncio.FIRST_COMPLETED)
        if work.done():
            work.result()
            await waiting
        work.cancel()
        with suppress(asyncio.CancelledError):
            await work
        waiting.cancel()
    return 0


async def _play_to_the_present(demo: Demo, progress: Progress) -> None:
    """Play the day, let all clocks tell the real time again, and say where to look."""
    await play(demo)
    await demo.move(datetime.now(UTC))
    await demo.catch_up()
    played = await demo.result()
    evening = await demo.keep_in_step()
    progress.end()
    _report(played, evening)
    await _tell_addresses(demo)


async def _wait_for_installs(demo: Demo) -> None:
    """Connect the contact centre of each company that a person installs."""
    print(
        f"\nOpen {demo.service.settings.public_url}/ and install the connector, with the set-up code\n"
        f"{set_up_code(demo.service.settings)}: choose an administrator and allow.\n"
        "Its contact centre is connected as soon as the company is. Both companies can be installed.\n"
    )
    await _tell_addresses(demo)
    companies = {str(company): letter for letter, company in demo.day.stage.companies.items()}
    while len(demo.installations) < len(BRANCHES):
        for one in await demo.service.installations.all():
            letter = companies[one.id]
            if letter not in demo.installations:
                demo.installations[letter] = one.id
                branch = next(branch for branch in BRANCHES if branch.letter == letter)
                # A call that is made to happen now began a minute ago.
                await demo.connect(branch, since=demo.service.clock.now() - timedelta(minutes=5))
                print(f"{one.name} is installed and its contact centre connected.")
        await asyncio.sleep(1)


async def _tell_addresses(demo: Demo) -> None:
    stage = demo.day.stage
    public = demo.service.settings.public_url
    lines = [
        ("the connector", public),
        ("its console", f"{public}/console"),
        ("Pipedrive, simulated", stage.pipedrive),
    ]
    lines += [
        (f"contact centre of {branch.company}", f"{stage.thulium}/{branch.system}/panel/")
        for branch in BRANCHES
    ]
    lines += await invitations(demo.service, stage, demo.installations)
    for name, address in lines:
        print(f"  {name:<45} {address}")
    print(
        "Make something happen in a contact centre: its activity follows within seconds. Edit a customer there, or a\n"
        "person in Pipedrive: the other side shows it within a second. Sign in, then open the console, or a customer\n"
        "or a ticket: deals stand in a tab of it. Its phones ring, and are answered, at Phones. Ctrl-C ends.",
        flush=True,
    )


class Progress:
    """Tells how far the day is: one line that is written over on a terminal, plain lines elsewhere."""

    def __init__(self) -> None:
        """Look where standard output goes."""
        self._over = sys.stdout.isatty()
        self._open = False

    def __call__(self, line: str) -> None:
        """Show `line` as the latest."""
        if self._over:
            width = shutil.get_terminal_size().columns - 1
            print(f"\r\033[K{line[:width]}", end="", flush=True)
            self._open = True
        else:
            print(line, flush=True)

    def end(self) -> None:
        """Leave the line, before anything else is printed."""
        if self._open:
            print()
            self._open = False
