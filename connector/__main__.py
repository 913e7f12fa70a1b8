"""The command line: arguments only; what they do is in `commands.py` and `demo.py`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable

from pydantic import ValidationError

from connector import (
    __version__,
    access_commands,
    agent_commands,
    commands,
    load_commands,
    privacy_commands,
    process,
)
from connector.centres import CENTRES
from connector.csv_files import command as csv_command
from connector.logs import set_up
from connector.settings import Settings
from connector.terminal import positive


def parser() -> argparse.ArgumentParser:
    """All verbs and their options."""
    top = argparse.ArgumentParser("connector", description="Joins a contact centre to Pipedrive.")
    top.add_argument("--version", action="version", version=__version__)
    verbs = top.add_subparsers(dest="verb", required=True)

    verbs.add_parser("serve", help="run the service")
    play = verbs.add_parser("demo", help="run the service with simulated vendors and a scripted day")
    play.add_argument(
        "--once", action="store_true", help="play the day, audit it, print one JSON object and end"
    )
    play.add_argument("--fresh", action="store_true", help="leave the installation to be clicked")

    def verb(name: str, text: str) -> argparse.ArgumentParser:
        made = verbs.add_parser(name, help=text)
        made.add_argument("--installation", metavar="ID", help="needed where there is more than one")
        return made

    installations = verb("installations", "list installations, add one by a personal API token, delete one")
    installations.add_argument(
        "action", nargs="?", choices=["add", "delete"], help="add: token on standard input"
    )
    centre = verb("centre", "connect a contact centre")
    centre.add_argument("action", choices=["connect"], help="password on standard input")
    centre.add_argument("--vendor", default="thulium", choices=sorted(CENTRES))
    centre.add_argument("--system", required=True, metavar="NAME")
    centre.add_argument("--user", required=True)
    verb("lookup", "show what to enter in the contact centre so that it asks who is calling")
    settings = verb("settings", "show or set the settings document of an installation")
    settings.add_argument("action", choices=["show", "set"], help="set: JSON on standard input")
    on = verb("switch", "let an installation run by itself, or stop it")
    on.add_argument("action", choices=["on", "off"])
    parked = verb("parked", "list entries that wait for a person, or have some written after all")
    parked.add_argument("action", nargs="?", choices=["retry"])
    parked.add_argument("ids", nargs="*", type=positive, metavar="ENTRY", help="id of an entry to be written")
    explained = verb("explain", "say why an event became what it is")
    explained.add_argument("entry", type=positive, metavar="ENTRY", help="id of an event")
    explained.add_argument("--show", action="store_true", help="personal data too, which is noted")
    bindings = verb("bindings", "show which person a customer of the contact centre is, or forget it")
    bindings.add_argument("action", nargs="?", choices=["remove"])
    bindings.add_argument("--customer", required=True, metavar="ID", help="7, or thulium:acme/7")
    _add_contact_verbs(verb)
    access_commands.add_options(verb)
    privacy_commands.add_options(verb)
    verb("users", "list Pipedrive users and mapped agents")
    verb("types", "list Pipedrive activity types")
    verb("pipelines", "list Pipedrive pipelines and stages")
    verb("sync", "run the activity flow once, now")
    verb("check", "call both vendors and say what works")
    for name, text in (
        ("backfill", "bring a past period"),
        ("audit", "prove a period from both vendors' lists"),
    ):
        made = verb(name, text)
        made.add_argument("--from", dest="since", required=True, type=commands.moment, metavar="TIME")
        made.add_argument("--to", dest="until", required=True, type=commands.moment, metavar="TIME")
        if name == "backfill":
            made.add_argument("--budget", required=True, type=int, metavar="TOKENS")
    again = verb("rebuild", "adopt our activities that Pipedrive has, after a database was lost or restored")
    again.add_argument("--from", dest="since", required=True, type=commands.moment, metavar="TIME")
    load_commands.add_options(verb("load", "load the customers and companies of one side into the other"))
    csv_command.add_options(verb("csv", "make an import file of the other side's export"))
    agent_commands.add_options(verbs.add_parser("agent", help="call by typing numbers, and see who rings"))
    return top


def _add_contact_verbs(verb: Callable[[str, str], argparse.ArgumentParser]) -> None:
    push = verb("push", "bring one record in step with the other side now")
    named = push.add_mutually_exclusive_group(required=True)
    named.add_argument("--customer", metavar="ID", help="of the contact centre: 7, or thulium:acme/7")
    named.add_argument("--company", metavar="ID", help="the same")
    named.add_argument("--person", metavar="ID", help="of Pipedrive")
    named.add_argument("--organization", metavar="ID", help="of Pipedrive")
    undecided = verb("undecided", "list cases that only a person decides, or decide one")
    undecided.add_argument("action", nargs="?", choices=["list", "decide"])
    undecided.add_argument(
        "question", nargs="?", type=positive, metavar="ID", help="of the case to be decided"
    )
    undecided.add_argument("--choose", metavar="X", help="one of the choices that the case shows")
    undecided.add_argument(
        "--limit", type=positive, default=20, metavar="N", help="so many are read and shown (20)"
    )
    brake = verb("brake", "show causes that have written more than is usual, or let one go on")
    brake.add_argument("action", nargs="?", choices=["show", "release"])
    brake.add_argument("cause", nargs="?", metavar="CAUSE", help="as brake show names it")
    verb("contacts", "show how customers and companies stand")
    undo = verb("undo", "list runs that can be taken back, or take one back")
    undo.add_argument("run", nargs="?", type=positive, metavar="RUN", help="as undo without one lists it")
    way = undo.add_mutually_exclusive_group()
    way.add_argument(
        "--activities", action="store_true", help="delete the activities that it wrote and nobody edited"
    )
    way.add_argument(
        "--again", action="store_true", help="have its activities that were taken back written again"
    )


def main() -> None:
    """Read arguments and settings, run, and end with the verb's exit status."""
    args = parser().parse_args()
    if args.verb == "demo":
        # The simulators are loaded only where they are played with.
        from connector import demo  # noqa: PLC0415

        sys.exit(process.run(demo.run(once=args.once, fresh=args.fresh)))
    if args.verb == "csv" and not args.send:
        sys.exit(csv_command.convert(args))
    if args.verb == "agent":
        sys.exit(agent_commands.run(args))
    try:
        settings = Settings()
    except ValidationError as error:
        print(f"A setting is wrong. {error}", file=sys.stderr)
        sys.exit(2)
    set_up(settings.log_format, settings.log_level)
    action = getattr(args, "action", None)
    name = f"{args.verb} {action}" if action else args.verb
    sys.exit(process.run(commands.run(name, args, settings)))


if __name__ == "__main__":
    main()
