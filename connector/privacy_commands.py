"""The verb by which one customer is erased, and let back."""

from __future__ import annotations

import argparse
from collections.abc import Callable

from connector.app import Service
from connector.errors import Misconfigured
from connector.flows.erasing import erase, let_back, look_up
from connector.store.audit import COMMAND_LINE
from connector.terminal import show, the_tenant


def add_options(verb: Callable[[str, str], argparse.ArgumentParser]) -> None:
    """The verb and its options."""
    erased = verb("erase", "show what is kept of one customer, erase it, or let them come back")
    named = erased.add_mutually_exclusive_group(required=True)
    named.add_argument("--number", metavar="NUMBER", help="a number of theirs")
    named.add_argument("--email", metavar="ADDRESS", help="an e-mail address of theirs")
    erased.add_argument("--now", action="store_true", help="erase it; without this it is only shown")
    erased.add_argument("--let-back", action="store_true", help="let somebody who was erased come back")


async def erase_customer(service: Service, args: argparse.Namespace) -> int:
    """Show what is kept of whom a number or address belongs to, erase it, or let them come back."""
    tenant, subject = await the_tenant(service, args.installation), args.number or args.email
    if args.now and args.let_back:
        raise Misconfigured("Say either --now or --let-back.")
    if args.let_back:
        show({"installation": tenant.id, "let_back_keys": await let_back(tenant, subject, doer=COMMAND_LINE)})
        return 0
    if args.now:
        report = await erase(tenant, subject, doer=COMMAND_LINE)
        show(report.as_json(tenant.record_page))
        return 0
    person, kept = await look_up(tenant, subject)
    show(
        {
            "installation": tenant.id, "erased": False, "only_this_number_or_address": person.shared,
            "kept": kept.counts, "activities": len(kept.activities), "persons": kept.persons, "deals": kept.deals,
            "customers": kept.customers,
        }
    )  # fmt: skip
    return 0


PRIVACY_COMMANDS = {"erase": erase_customer}
