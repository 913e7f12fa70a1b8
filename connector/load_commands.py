"""The verb `load`: a first load of one side into the other, from preview to report."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
import time
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager

from connector.app import Service
from connector.errors import Misconfigured, Retryable
from connector.flows.contacts.loading import (
    home_of,
    previewed,
    restart,
    run_load,
    tie_together,
)
from connector.flows.contacts.previewing import named_examples
from connector.flows.contacts.staging import Ground
from connector.flows.tenant import Tenant
from connector.store.dirty import Side
from connector.store.loads import Loaded, Phase
from connector.terminal import show, the_tenant

_EVERY_S = 2.0


def add_options(verb: argparse.ArgumentParser) -> None:
    """The options of `load`."""
    verb.add_argument("--from", dest="source", choices=[str(side) for side in Side], metavar="SIDE",
                      help="pipedrive or centre: whose records are loaded into the other")  # fmt: skip
    verb.add_argument(
        "--preview", action="store_true", help="count what would be done, and write nothing to either side"
    )
    verb.add_argument(
        "--restart", action="store_true", help="end a load that was begun; what it has written stays"
    )
    verb.add_argument("--report", action="store_true", help="show how far the last load is, and what it left")


async def load(service: Service, args: argparse.Namespace) -> int:
    """Preview, run, resume or report a load; exit status 1 when it has paused."""
    tenant = await the_tenant(service, args.installation)
    if args.report:
        return await _report(tenant)
    if args.source is None:
        raise Misconfigured("Say from where: --from pipedrive or --from centre.")
    if tenant.settings.contacts.sync != "on":
        raise Misconfigured(
            'Customers and companies are not kept the same. Set contacts.sync to "on" in the settings first.'
        )
    say, source = _speaker(), Side(args.source)
    with _stopped_by_signals() as stopping:
        if args.restart:
            await restart(tenant)
        before = await tenant.loads.open()
        opened = await _unless_stopped(previewed(tenant, source, say, anew=args.preview), stopping)
        if args.preview:
            show(await _shown(tenant, opened))
            return 0
        if before is None or before.id != opened.id:
            counted = {name: opened.preview.get(name) for name in ("counts", "estimate")}
            say({"doing": "begins", **counted})
        tenant = await tie_together(tenant, service.installations, opened)
        ended = await run_load(tenant, service.operations, opened, stopping, say)
    show(await _shown(tenant, ended))
    return 0 if ended.state is Phase.FINISHED else 1


async def _unless_stopped(reading: Coroutine[object, object, Loaded], stopping: asyncio.Event) -> Loaded:
    """Read and count until that is done; a stop cuts it short, for nothing has been written yet."""
    work, stop = asyncio.create_task(reading), asyncio.create_task(stopping.wait())
    await asyncio.wait({work, stop}, return_when=asyncio.FIRST_COMPLETED)
    stop.cancel()
    if not work.done():
        work.cancel()
        await asyncio.wait({work})
        raise Retryable("It was stopped before anything was written.")
    return await work


async def _report(tenant: Tenant) -> int:
    last = await tenant.loads.last()
    if last is None:
        raise Misconfigured("Nothing has been loaded yet: connector load --from pipedrive --preview.")
    show(await _shown(tenant, last))
    return 0


async def _shown(tenant: Tenant, shown: Loaded) -> dict[str, object]:
    answer: dict[str, object] = {
        "load": shown.id, "from": shown.source, "state": shown.state, "run": shown.run_id,
        "preview": {**shown.preview}, "done": shown.counts, "left_to_a_person": shown.problems,
        "started_at": shown.started_at, "ended_at": shown.ended_at,
    }  # fmt: skip
    if shown.state is Phase.PREVIEWED:
        ground = Ground(tenant, shown, home_of(tenant))
        answer["preview"] = {**shown.preview, "examples": await named_examples(ground)}
    if shown.state is Phase.PAUSED:
        answer["reason"] = shown.reason
        answer["next"] = f"connector load --from {shown.source} goes on where it was"
    return answer


def _speaker() -> Callable[[Mapping[str, object]], None]:
    """Says how far it is, a line now and then, to standard error."""
    last: list[tuple[float, object]] = [(0.0, None)]

    def say(facts: Mapping[str, object]) -> None:
        now, (at, doing) = time.monotonic(), last[0]
        if facts.get("doing") == doing and now - at < _EVERY_S:
            return
        last[0] = (now, facts.get("doing"))
        rest = ", ".join(f"{name} {value}" for name, value in facts.items() if name != "doing" and value)
        print(f"{facts.get('doing')}{': ' if rest else ''}{rest}", file=sys.stderr, flush=True)

    return say


@contextmanager
def _stopped_by_signals() -> Iterator[asyncio.Event]:
    """Set by the first signal, so that what is under way is settled; a second one does not wait for it."""
    stopping, loop = asyncio.Event(), asyncio.get_running_loop()
    numbers = (signal.SIGINT, signal.SIGTERM)

    def stop() -> None:
        stopping.set()
        for number in numbers:
            loop.remove_signal_handler(number)

    for number in numbers:
        loop.add_signal_handler(number, stop)
    try:
        yield stopping
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)
