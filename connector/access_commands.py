"""The verbs about who may come in: invitations for agents and the end of their sessions, keys of the HTTP API."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import timedelta

from connector.app import Service
from connector.errors import Misconfigured
from connector.flows.rules import People, user_of
from connector.flows.tenant import Directory, Tenant
from connector.records import Agent
from connector.store.access import LONGEST_KEY_NAME, Who
from connector.store.audit import COMMAND_LINE
from connector.terminal import positive, show, the_tenant
from connector.web.sign_in import INVITATION, INVITED

MOST_HOURS = 24 * 30
_JUST_NOW = timedelta(minutes=1)


def add_options(verb: Callable[[str, str], argparse.ArgumentParser]) -> None:
    """The verbs and their options."""
    invited = verb("invite", "make an address by which somebody signs in once, in one browser")
    invited.add_argument(
        "--agent", required=True, metavar="LOGIN_OR_EMAIL", help="of the contact centre or of Pipedrive"
    )
    invited.add_argument(
        "--admin",
        action="store_true",
        help="they may also use the console: change settings, see what happens",
    )
    invited.add_argument(
        "--connection", metavar="ID", help="needed where several contact centres have such an agent"
    )
    invited.add_argument(
        "--hours", type=_hours, default=72, metavar="N", help=f"how long it holds (72, at most {MOST_HOURS})"
    )
    out = verb(
        "sign-out",
        "end all sessions of an agent and disconnect what calls for them, also of one who has left",
    )
    out.add_argument(
        "--agent", required=True, metavar="LOGIN_OR_EMAIL", help="of the contact centre or of Pipedrive"
    )
    out.add_argument(
        "--connection", metavar="ID", help="needed where several contact centres have such an agent"
    )
    keys = verb("api-key", "list the keys of the HTTP API, add one or revoke one")
    keys.add_argument("action", choices=["add", "list", "revoke"])
    keys.add_argument("key", nargs="?", metavar="NAME_OR_ID", help="add: what it is for; revoke: its id")


def _hours(text: str) -> int:
    hours = positive(text)
    if hours > MOST_HOURS:
        raise argparse.ArgumentTypeError(f"{hours} hours are more than {MOST_HOURS}")
    return hours


async def invite(service: Service, args: argparse.Namespace) -> int:
    """Print an address that signs somebody in once; whoever opens it first is taken for him.

    Who has a user of Pipedrive is an administrator here only where he is one there: that right follows him.
    """
    tenant = await the_tenant(service, args.installation)
    who = replace(await _meant(tenant, args.agent.strip(), args.connection), is_admin=args.admin)
    if args.admin and who.user_id is not None and who.user_id not in tenant.directory.people.admin_users:
        raise Misconfigured(
            f"{who.name} is no administrator of Pipedrive: have them made one there, or leave --admin out."
        )
    lasts = timedelta(hours=args.hours)
    code = await service.access.make_code(who, purpose=INVITATION, lasts=lasts)
    # Behind #, where it reaches no server's log.
    address = f"{service.settings.public_url}{INVITED}#{code}"
    show(
        {
            "installation": tenant.id, "name": who.name, "agent": who.agent, "user": who.user_id, "address": address,
            "admin": who.is_admin, "until": service.clock.now() + lasts,
        }
    )  # fmt: skip
    return 0


async def sign_out(service: Service, args: argparse.Namespace) -> int:
    """End all sessions of an agent, disconnect what dials for him and take his invitations back; he may be gone from both sides."""
    tenant = await the_tenant(service, args.installation)
    named, connection = args.agent.strip(), args.connection
    directory = await _directory(tenant, connection)
    found = _agents_called(named, connection, directory.people)
    _refuse_several(found)
    # Whom the contact centre has forgotten may still have a session.
    logins = list(found) or [(one, named) for one in tenant.centres if connection in (None, one)]
    agents = {f"{centre}/{login}": Who(tenant.id, None, f"{centre}/{login}", "") for centre, login in logins}
    users = {
        user: Who(tenant.id, user, None, "") for user in await _users_of(tenant, named, found, connection)
    }
    ended = {one: await service.access.end_all(who) for one, who in (agents | users).items()}
    cut_off = {one: await _disconnect(service, tenant, who) for one, who in (agents | users).items()}
    if not found and not users and not any((*ended.values(), *cut_off.values())):
        raise _nobody(named, directory)
    show(
        {
            "installation": tenant.id,
            "agent": next((one for one in agents if found or ended[one] or cut_off[one]), None),
            "user": next(iter(users), None), "sessions": sum(ended.values()), "devices": sum(cut_off.values()),
        }
    )  # fmt: skip
    return 0


async def _disconnect(service: Service, tenant: Tenant, who: Who) -> int:
    """Revoke what somebody dials with; a service that runs ends open lines when it next looks, within ten minutes."""
    agents = [who.agent] if who.agent is not None else []
    number = 0
    for one in await service.devices.of(tenant.id, user_id=who.user_id, agents=agents):
        if await service.devices.revoke(tenant.id, one.id):
            number += 1
            await tenant.audit.note(COMMAND_LINE, "revoke device", device=one.id, agent=one.agent)
    return number


async def _users_of(
    tenant: Tenant, named: str, found: Mapping[tuple[str, str], Agent], connection: str | None
) -> list[str]:
    """The users of Pipedrive with the address or with those of the agents, active or not."""
    addresses = {(agent.email or "").casefold() for agent in found.values()} - {""}
    if connection is None:
        addresses.add(named.casefold())
    chosen = {tenant.settings.agent_users.get(login) for _, login in found}
    users = await tenant.pipedrive.users()
    return [one.id for one in users if one.id in chosen or one.email.casefold() in addresses]


async def _meant(tenant: Tenant, named: str, connection: str | None) -> Who:
    """The agent of the contact centre with this login or e-mail address, or else the user of Pipedrive with the latter."""
    directory, wanted = await _directory(tenant, connection), named.casefold()
    people = directory.people
    found = _agents_called(named, connection, people)
    active = {key: agent for key, agent in found.items() if agent.active}
    _refuse_several(active)
    if active:
        ((centre, login),) = active
        user = user_of(centre, login, tenant.settings, people)
        return Who(tenant.id, user[0] if user else None, f"{centre}/{login}", found[centre, login].name)
    users = [one for one in await tenant.pipedrive.users() if one.active and one.email.casefold() == wanted]
    if connection is None and users:
        return Who(tenant.id, users[0].id, None, users[0].name)
    if found:
        raise Misconfigured(f"{named!r} is no active agent any more.")
    raise _nobody(named, directory)


async def _directory(tenant: Tenant, connection: str | None) -> Directory:
    if connection is not None and connection not in tenant.centres:
        known = ", ".join(tenant.centres) or "none"
        raise Misconfigured(f"There is no connection {connection!r}. There are: {known}.")
    return await tenant.people(older_than=_JUST_NOW)


def _agents_called(named: str, connection: str | None, people: People) -> dict[tuple[str, str], Agent]:
    wanted = named.casefold()
    return {
        key: agent
        for key, agent in people.agents.items()
        if connection in (None, key[0])
        and wanted in {agent.id.casefold(), (agent.email or agent.id).casefold()}
    }


def _refuse_several(agents: Iterable[tuple[str, str]]) -> None:
    if len(several := sorted(agents)) > 1:
        many = ", ".join(f"{login} in {centre}" for centre, login in several)
        raise Misconfigured(f"Several agents could be meant: {many}. Give a login and --connection.")


def _nobody(named: str, directory: Directory) -> Misconfigured:
    unread = f" Not read just now: {', '.join(sorted(directory.unread))}." if directory.unread else ""
    return Misconfigured(
        f"Nobody is called {named!r}: give the login or the e-mail address of an agent, or the e-mail address of an "
        f"active user of Pipedrive. connector users lists them.{unread}"
    )


async def add_key(service: Service, args: argparse.Namespace) -> int:
    """Make a key of the HTTP API and print it, which is done once."""
    tenant, name = await the_tenant(service, args.installation), (args.key or "").strip()
    if not name or len(name) > LONGEST_KEY_NAME:
        raise Misconfigured(
            f"Say what the key is for, in at most {LONGEST_KEY_NAME} characters: connector api-key add NAME."
        )
    key_id, key = await service.access.add_key(tenant.id, name)
    show({"installation": tenant.id, "id": key_id, "name": name, "key": key})
    return 0


async def list_keys(service: Service, args: argparse.Namespace) -> int:
    """All keys, revoked ones too; none of them can be shown again."""
    tenant = await the_tenant(service, args.installation)
    show(
        [
            {
                "id": one.id, "name": one.name, "made_at": one.made_at, "used_at": one.used_at,
                "revoked_at": one.revoked_at,
            }
            for one in await service.access.keys(tenant.id)
        ]
    )  # fmt: skip
    return 0


async def revoke_key(service: Service, args: argparse.Namespace) -> int:
    """Let a key open nothing any more, from the next request on."""
    tenant = await the_tenant(service, args.installation)
    if not args.key or not await service.access.revoke_key(tenant.id, args.key):
        raise Misconfigured(
            f"No key {args.key!r} is in use; connector api-key list shows them with their ids."
        )
    show({"installation": tenant.id, "revoked": args.key})
    return 0


ACCESS_COMMANDS = {
    "invite": invite,
    "sign-out": sign_out,
    "api-key add": add_key,
    "api-key list": list_keys,
    "api-key revoke": revoke_key,
}
