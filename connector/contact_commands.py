"""The verbs about customers and companies: what is pushed, asked, paused, taken back, and how both sides stand."""

from __future__ import annotations

import argparse
from collections.abc import Awaitable, Callable
from dataclasses import asdict

from connector.app import Service
from connector.errors import Misconfigured
from connector.flows.contacts.answering import answer, questions
from connector.flows.contacts.braking import brakes, release
from connector.flows.contacts.kinds import COMPANIES, CUSTOMERS, Kind
from connector.flows.contacts.parting import forget_pair
from connector.flows.contacts.pushing import GOOD, key_of, prepared, push
from connector.flows.contacts.standing import mapping_problems, standing
from connector.flows.contacts.undoing import undo
from connector.flows.tenant import Tenant
from connector.flows.undoing import take_back, undoable, write_again
from connector.store.audit import COMMAND_LINE
from connector.store.bindings import Bound
from connector.store.dirty import Side
from connector.store.figures import Figures
from connector.store.withdrawals import Withdrawals
from connector.terminal import show, the_tenant

#: So many runs are looked through for those that wrote activities.
_LATEST = 50

Verb = Callable[[Service, argparse.Namespace], Awaitable[int]]


async def push_record(service: Service, args: argparse.Namespace) -> int:
    """Bring one record in step now; exit status 1 when it is not afterwards."""
    tenant = await _prepared(service, args)
    kind, side, record_id = _named(tenant, args)
    pushed = await push(tenant, service.operations, kind, side, record_id)
    show({"installation": tenant.id, **pushed.report(tenant)})
    return 0 if pushed.outcome in GOOD else 1


def _named(tenant: Tenant, args: argparse.Namespace) -> tuple[Kind, Side, str]:
    if args.customer is not None:
        return CUSTOMERS, Side.CENTRE, key_of(tenant, args.customer)
    if args.company is not None:
        return COMPANIES, Side.CENTRE, key_of(tenant, args.company)
    kind, record_id = (CUSTOMERS, args.person) if args.person is not None else (COMPANIES, args.organization)
    if not (record_id.isascii() and record_id.isdigit()):
        raise Misconfigured(
            f"{record_id!r} is no id of Pipedrive; the address of the record's page ends with it."
        )
    return kind, Side.PIPEDRIVE, record_id


async def _prepared(service: Service, args: argparse.Namespace) -> Tenant:
    """The installation, with the fields in Pipedrive by which a pair is known again."""
    tenant = await the_tenant(service, args.installation)
    await prepared(tenant, service.installations)
    return await service.tenant(tenant.id)


async def show_contacts(service: Service, args: argparse.Namespace) -> int:
    """How customers and companies stand."""
    tenant = await the_tenant(service, args.installation)
    show({"installation": tenant.id, **await standing(tenant), "mapping": await mapping_problems(tenant)})
    return 0


async def list_undecided(service: Service, args: argparse.Namespace) -> int:
    """Cases that only a person decides, with what both sides hold now."""
    tenant = await the_tenant(service, args.installation)
    show(
        {
            "installation": tenant.id,
            "open": await tenant.questions.counts(),
            "questions": await questions(tenant, limit=args.limit),
        }
    )
    return 0


async def decide(service: Service, args: argparse.Namespace) -> int:
    """Decide one of them; exit status 1 when the decision came too late, or what it asks for could not be done."""
    if args.question is None or args.choose is None:
        raise Misconfigured(
            "Say which question and what you choose: connector undecided decide ID --choose X."
        )
    tenant = await _prepared(service, args)
    answered = await answer(tenant, service.operations, args.question, args.choose)
    show({"installation": tenant.id, "question": args.question, **answered.report(tenant)})
    done = answered.kept and (answered.pushed is None or answered.pushed.outcome in GOOD)
    return 0 if done else 1


async def show_brakes(service: Service, args: argparse.Namespace) -> int:
    """Causes that have written more than is usual, with a preview; exit status 1 while one is paused."""
    tenant = await the_tenant(service, args.installation)
    found = await brakes(tenant)
    show({"installation": tenant.id, "brakes": found})
    return 1 if any(one["state"] == "paused" for one in found) else 0


async def release_brake(service: Service, args: argparse.Namespace) -> int:
    """Let a paused cause go on with what waits."""
    if args.cause is None:
        raise Misconfigured("Say which cause; connector brake shows those that are paused.")
    tenant = await the_tenant(service, args.installation)
    show(
        {
            "installation": tenant.id,
            "released": args.cause,
            "writes_allowed": await release(tenant, args.cause),
        }
    )
    return 0


async def undo_run(service: Service, args: argparse.Namespace) -> int:
    """Take back what a run wrote, or list the runs of which that can be done; exit status 1 when something is left."""
    tenant = await the_tenant(service, args.installation)
    if args.run is None:
        show(
            {
                "installation": tenant.id,
                "runs": await tenant.changes.runs(),
                "runs_of_activities": await _wrote(service, tenant),
            }
        )
        return 0
    if args.activities or args.again:
        return await _undo_activities(tenant, args)
    if not await tenant.changes.of_run(args.run, limit=1):
        wrote = await Withdrawals(tenant.ledger).wrote(args.run)
        if wrote is not None and wrote.standing + wrote.taken_back:
            show({"installation": tenant.id, "run": args.run, **asdict(await undoable(tenant, args.run))})
            raise Misconfigured(
                f"Run {args.run} wrote activities. To delete those that nobody has edited: "
                f"connector undo {args.run} --activities; to have what was taken back written again: --again."
            )
    undone = await undo(tenant, service.operations, args.run)
    show({"installation": tenant.id, "run": args.run, **undone.report()})
    return 1 if undone.failed or undone.left or undone.stopped else 0


async def _wrote(service: Service, tenant: Tenant) -> list[dict[str, object]]:
    """The latest runs that wrote activities."""
    rows = await Figures(service.db, service.clock).runs(tenant.id, limit=_LATEST)
    return [
        {"run": row.id, "cause": row.cause, "began": row.started_at, "activities": row.counts["done"]}
        for row in rows
        if row.counts.get("done")
    ]


async def _undo_activities(tenant: Tenant, args: argparse.Namespace) -> int:
    """Take back the activities of a run, or have them written again; exit status 1 when something is left."""
    if args.again:
        again = await write_again(tenant, args.run, COMMAND_LINE)
        show({"installation": tenant.id, "run": args.run, "decided_anew": again})
        return 0
    withdrawn = await take_back(tenant, args.run, COMMAND_LINE)
    show({"installation": tenant.id, "run": args.run, **withdrawn.report()})
    return 1 if withdrawn.left or withdrawn.stopped else 0


async def list_bindings(service: Service, args: argparse.Namespace) -> int:
    """The person that a customer of the contact centre is taken for, in each contact centre that has this id."""
    tenant = await the_tenant(service, args.installation)
    show([_bound(one) for one in await _bindings(tenant, args.customer)])
    return 0


async def remove_binding(service: Service, args: argparse.Namespace) -> int:
    """Forget which person a customer is; activities that are written stay where they are."""
    tenant = await the_tenant(service, args.installation)
    found = await _bindings(tenant, args.customer)
    if not found:
        raise Misconfigured(f"Customer {args.customer!r} has no binding.")
    if len(found) > 1:
        raise Misconfigured(f"Say which customer is meant: {', '.join(one.centre_id for one in found)}.")
    (bound,) = found
    show({"removed": [_bound(bound)], "decided_anew": await forget_pair(tenant, bound)})
    return 0


async def _bindings(tenant: Tenant, customer: str) -> list[Bound]:
    named = [customer, *(f"{centre}/{customer}" for centre in tenant.centres)]
    return list((await tenant.bindings.of_centre(CUSTOMERS.entity, named)).values())


def _bound(bound: Bound) -> dict[str, object]:
    return {
        "customer": bound.centre_id, "person": bound.crm_id, "state": bound.state, "in_step_at": bound.in_step_at,
        "problems": list(bound.problems),
    }  # fmt: skip


CONTACT_COMMANDS: dict[str, Verb] = {
    "push": push_record,
    "undecided": list_undecided,
    "undecided list": list_undecided,
    "undecided decide": decide,
    "brake": show_brakes,
    "brake show": show_brakes,
    "brake release": release_brake,
    "undo": undo_run,
    "contacts": show_contacts,
    "bindings": list_bindings,
    "bindings remove": remove_binding,
}
