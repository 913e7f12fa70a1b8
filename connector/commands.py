"""The command line's verbs: each opens the service, calls one flow and prints what came of it."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, replace
from datetime import datetime, timedelta

from pydantic import ValidationError
from sqlalchemy.exc import SQLAlchemyError

from connector.access_commands import ACCESS_COMMANDS
from connector.app import Service, open_service
from connector.centres import ASKS_WHO_CALLS
from connector.contact_commands import CONTACT_COMMANDS
from connector.csv_files.command import opened, say
from connector.csv_files.converting import intake
from connector.csv_files.sending import Sending
from connector.errors import ConnectorError, Misconfigured
from connector.flows.auditing import audit, rebuild
from connector.flows.checking import check
from connector.flows.explaining import explain, report
from connector.flows.installing import HOOK_USER
from connector.flows.recovering import recover
from connector.flows.running import Progress, cause_of
from connector.flows.saving import save_settings
from connector.flows.sync import backfill, sync
from connector.flows.tenant import Tenant
from connector.installation_settings import InstallationSettings
from connector.load_commands import load
from connector.phone import Phones
from connector.pipedrive.budget import Budget, Lane
from connector.privacy_commands import PRIVACY_COMMANDS
from connector.records import Window
from connector.serving import serving
from connector.settings import Settings
from connector.store.audit import COMMAND_LINE
from connector.store.database import reason_of
from connector.store.events import Events
from connector.store.operations import FINISHED
from connector.terminal import show, the_tenant
from connector.web.console.masking import masked
from connector.web.lookup import PATH as LOOKUP_PATH


async def serve(settings: Settings) -> int:
    """Serve until told to stop; a second signal does not wait for what is being sent."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    async with open_service(settings) as service, serving(service):
        await stopped.wait()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)
    return 0


async def list_installations(service: Service, _args: argparse.Namespace) -> int:
    """Every installation with its contact centres and the state of both."""
    centres = await service.installations.centres()
    answer = []
    for one in await service.installations.all():
        last = await service.operations.last_run(one.id)
        mine = [c for c in centres if c.installation_id == one.id]
        answer.append(
            {
                "id": one.id, "company": one.name, "domain": one.domain, "state": one.state, "reason": one.reason,
                "owner": one.owner_user_id, "last_run": last[0] if last else None,
                "last_outcome": last[1] if last else None,
                "centres": [{"id": c.id, "user": c.user, "state": c.state, "reason": c.reason} for c in mine],
            }
        )  # fmt: skip
    show(answer)
    return 0


async def add_installation(service: Service, _args: argparse.Namespace) -> int:
    """Install with a personal API token read from standard input."""
    token = await asyncio.to_thread(sys.stdin.readline)
    if not token.strip():
        raise Misconfigured("Write the personal API token to standard input.")
    arrival = await service.install_token(token.strip())
    show({"installation": arrival.installation_id, "company": arrival.company, "outcome": arrival.outcome})
    return 0


async def delete_installation(service: Service, args: argparse.Namespace) -> int:
    """Remove an installation, our webhooks at the vendors and all that is kept of it.

    A reinstall may then write past events again.
    """
    if args.installation is None:
        raise Misconfigured("Say which installation to delete with --installation ID.")
    left = await service.delete(args.installation)
    show({"deleted": args.installation, "left_at_vendors": left})
    return 0


async def connect_centre(service: Service, args: argparse.Namespace) -> int:
    """Connect a contact centre, password on standard input, and say which rights work."""
    tenant = await the_tenant(service, args.installation)
    password = (await asyncio.to_thread(sys.stdin.readline)).rstrip("\r\n")
    if not password:
        raise Misconfigured("Write the password to standard input.")
    rights = await service.connect_centre(
        tenant.id, vendor=args.vendor, system=args.system, user=args.user, password=password
    )
    show({"connected": f"{args.vendor}:{args.system}", "rights": [asdict(right) for right in rights]})
    return 0


async def show_lookups(service: Service, args: argparse.Namespace) -> int:
    """What to enter in each contact centre so that it asks who is calling."""
    tenant = await the_tenant(service, args.installation)
    asking = [c for c in await service.installations.centres(tenant.id) if c.vendor in ASKS_WHO_CALLS]
    if not asking:
        raise Misconfigured(
            "No contact centre is connected that asks who is calling: connector centre connect."
        )
    show(
        [
            {
                "centre": c.id, "address": service.settings.public_url + LOOKUP_PATH + c.hook_path, "user": HOOK_USER,
                "password": c.lookup_password, "where": ASKS_WHO_CALLS[c.vendor],
            }
            for c in asking
        ]
    )  # fmt: skip
    return 0


async def show_settings(service: Service, args: argparse.Namespace) -> int:
    """The settings document of an installation."""
    tenant = await the_tenant(service, args.installation)
    show(tenant.settings.model_dump(mode="json"))
    return 0


async def set_settings(service: Service, args: argparse.Namespace) -> int:
    """Replace the settings document by the one on standard input; what failed or was left out is decided anew."""
    tenant = await the_tenant(service, args.installation)
    document = await asyncio.to_thread(sys.stdin.read)
    try:
        settings = InstallationSettings.model_validate_json(document)
    except ValidationError as error:
        raise Misconfigured(f"The settings were not saved. {error}") from error
    saved = await save_settings(
        tenant, settings, doer=COMMAND_LINE, find=service.tenant, installations=service.installations
    )
    if saved is None:
        raise Misconfigured("Somebody else changed the settings meanwhile. Look at them again, then repeat.")
    show(
        {
            "saved": True,
            "version": saved.tenant.installed.settings_version,
            "failed_entries_tried_again": saved.tried_again,
            "decided_anew": saved.decided_anew,
            "warnings": saved.warnings,
        }
    )
    return 0


async def switch(service: Service, args: argparse.Namespace) -> int:
    """Let an installation run by itself, or no longer; nothing that is kept is touched."""
    tenant = await the_tenant(service, args.installation)
    settings = tenant.settings.model_copy(update={"switched_on": args.action == "on"})
    saved = await save_settings(
        tenant, settings, doer=COMMAND_LINE, find=service.tenant, installations=service.installations
    )
    if saved is None:
        raise Misconfigured("Somebody else changed the settings meanwhile. Look at them again, then repeat.")
    show({"installation": tenant.id, "switched_on": settings.switched_on})
    return 0


async def list_parked(service: Service, args: argparse.Namespace) -> int:
    """Entries that wait for a person, with their numbers and reasons."""
    tenant = await the_tenant(service, args.installation)
    show(await tenant.doubts.left_to_a_person())
    return 0


async def retry_parked(service: Service, args: argparse.Namespace) -> int:
    """Have these parked entries written after all, those too of which it is not known whether they were."""
    if not args.ids:
        raise Misconfigured("Say which entries, by the ids that connector parked shows.")
    tenant = await the_tenant(service, args.installation)
    show({"tried_again": await tenant.ledger.retry_parked(args.ids)})
    return 0


async def explain_event(service: Service, args: argparse.Namespace) -> int:
    """Why an event became what it is; personal data is masked unless it is asked for, which is noted."""
    tenant = await the_tenant(service, args.installation)
    looked = await Events(tenant.ledger).one(args.entry)
    if looked is None:
        raise Misconfigured(
            f"There is no event {args.entry}; its page in the console and connector parked show ids."
        )
    if args.show:
        await tenant.audit.note(COMMAND_LINE, "reveal", event=args.entry)
    explained = await explain(tenant, looked, at_hand=False)
    show({"installation": tenant.id, **report(tenant, explained, str if args.show else masked)})
    return 0


async def list_users(service: Service, args: argparse.Namespace) -> int:
    """Pipedrive users and the agents that are mapped to them."""
    tenant = await the_tenant(service, args.installation)
    directory = await tenant.people()
    people = directory.people
    by_agent = {
        f"{connection}/{agent.id}": tenant.settings.agent_users.get(agent.id)
        or people.users_by_email.get((agent.email or "").casefold())
        for (connection, _), agent in people.agents.items()
    }
    users = [asdict(user) for user in await tenant.pipedrive.users()]
    show({"users": users, "agents": by_agent})
    return 0


async def list_types(service: Service, args: argparse.Namespace) -> int:
    """Pipedrive activity types."""
    tenant = await the_tenant(service, args.installation)
    show([asdict(kind) for kind in await tenant.pipedrive.activity_types()])
    return 0


async def list_pipelines(service: Service, args: argparse.Namespace) -> int:
    """Pipedrive pipelines and their stages."""
    tenant = await the_tenant(service, args.installation)
    stages = await tenant.pipedrive.stages()
    show(
        [
            asdict(pipeline)
            | {"stages": [asdict(stage) for stage in stages if stage.pipeline_id == pipeline.id]}
            for pipeline in await tenant.pipedrive.pipelines()
        ]
    )
    return 0


async def run_sync(service: Service, args: argparse.Namespace) -> int:
    """Run the activity flow once, for one installation or for all."""
    if args.installation is not None:
        tenants = [await service.tenant(args.installation)]
    else:
        tenants = await service.tenants()
    status = 0
    for tenant in tenants:
        try:
            await recover(tenant, service.operations)
            async with _written_down(service, tenant, "command line") as (run, counts):
                await sync(run, counts=counts)
            show({"installation": tenant.id, **_counted(counts)})
        except ConnectorError as error:
            print(f"{tenant.id}: {error}", file=sys.stderr)
            status = 2
    return status


@asynccontextmanager
async def _written_down(
    service: Service, tenant: Tenant, cause: str
) -> AsyncIterator[tuple[Tenant, Counter[str]]]:
    """A run as the service writes its own down, so that it is shown and can be taken back: its tenant and its counts."""
    run_id, counts, outcome = await service.operations.begin_run(tenant.id, cause), Counter[str](), "stopped"
    try:
        yield replace(tenant, run_id=run_id), counts
        outcome = FINISHED
    except ConnectorError as error:
        outcome = f"{type(error).__name__}: {error}"
        raise
    finally:
        await service.operations.end_run(run_id, counts, outcome)


def _counted(counts: Mapping[str, int]) -> dict[str, int]:
    return {name: number for name, number in counts.items() if number}


async def run_backfill(service: Service, args: argparse.Namespace) -> int:
    """Bring a past period within a budget of Pipedrive tokens; says what it spent and what it did not reach."""
    tenant = await the_tenant(service, args.installation)
    budget = Budget(args.budget)
    await recover(tenant.paying(Lane.BACKFILL, budget), service.operations)
    window = _window(args)
    async with _written_down(service, tenant, cause_of(window)) as (run, counts):
        await backfill(run, window, budget=budget, progress=Progress(counts))
    show({"installation": tenant.id, **_counted(counts), "tokens": args.budget - budget.left})
    return 0


async def run_audit(service: Service, args: argparse.Namespace) -> int:
    """Prove a period from both vendors' lists; exit status 1 on a difference."""
    tenant = await the_tenant(service, args.installation)
    result = await audit(tenant, _window(args))
    show({"installation": tenant.id, **result.report()})
    return 0 if result.clean else 1


async def run_rebuild(service: Service, args: argparse.Namespace) -> int:
    """Adopt our own activities that Pipedrive lists since a time."""
    tenant = await the_tenant(service, args.installation)
    show({"installation": tenant.id, "adopted": await rebuild(tenant, args.since)})
    return 0


def _window(args: argparse.Namespace) -> Window:
    if args.until <= args.since:
        raise Misconfigured("--to must be later than --from.")
    return Window(args.since, args.until)


async def run_check(service: Service, args: argparse.Namespace) -> int:
    """Call both vendors and print rights, scopes, webhooks, types and agents; exit status 1 if something is amiss."""
    tenant = await the_tenant(service, args.installation)
    scopes = await service.scopes(tenant)
    result = await check(tenant, await service.installations.hooks(tenant.id), scopes)
    show(result.found | {"scopes": scopes, "problems": result.problems})
    return 1 if result.problems else 0


async def send_csv(service: Service, args: argparse.Namespace) -> int:
    """Put the people of an export straight into the contact centre; into Pipedrive goes a file."""
    if args.action != "to-centre":
        raise Misconfigured("Only to-centre can be sent. Leave --send out and import the file in Pipedrive.")
    tenant = await the_tenant(service, args.installation)
    if len(tenant.centres) != 1:
        raise Misconfigured(f"Sending needs one contact centre; this installation has {len(tenant.centres)}.")
    (centre,) = tenant.centres.values()
    phones = Phones(args.region, tenant.phones.dial_out_prefix) if args.region else tenant.phones
    with intake(opened(args), phones, args.duplicates) as taken:
        try:
            await Sending(centre.api, taken, phones.region, tenant.clock, tenant.service.first_look).run()
        finally:
            say(taken.summary)
    return 0


COMMANDS = {
    "installations": list_installations,
    "installations add": add_installation,
    "installations delete": delete_installation,
    "centre connect": connect_centre,
    "lookup": show_lookups,
    "settings show": show_settings,
    "settings set": set_settings,
    "switch on": switch,
    "switch off": switch,
    "parked": list_parked,
    "parked retry": retry_parked,
    "explain": explain_event,
    "users": list_users,
    "types": list_types,
    "pipelines": list_pipelines,
    "sync": run_sync,
    "backfill": run_backfill,
    "audit": run_audit,
    "rebuild": run_rebuild,
    "check": run_check,
    "load": load,
    "csv to-centre": send_csv,
    "csv to-pipedrive": send_csv,
    **CONTACT_COMMANDS,
    **ACCESS_COMMANDS,
    **PRIVACY_COMMANDS,
}


async def run(verb: str, args: argparse.Namespace, settings: Settings) -> int:
    """Run one verb; what went wrong is said in a sentence, exit status 2."""
    async with AsyncExitStack() as stack:
        try:
            if verb == "serve":
                return await serve(settings)
            service = await stack.enter_async_context(open_service(settings))
            return await COMMANDS[verb](service, args)
        except ConnectorError as error:
            print(f"{error}", file=sys.stderr)
        except SQLAlchemyError as error:
            print(f"The database failed: {reason_of(error)}", file=sys.stderr)
        return 2


def moment(text: str) -> datetime:
    """A time on the command line: ISO 8601 with a zone."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no ISO 8601 time such as 2026-11-01T00:00+01:00"
        ) from error
    if at.tzinfo is None:
        raise argparse.ArgumentTypeError(f"{text!r} has no zone; write it as in 2026-11-01T00:00+01:00")
    return at - timedelta(microseconds=at.microsecond)
