"""The first load of one side into the other: counted, begun, watched, stopped, resumed, and its report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from aiohttp import web

from connector.errors import Misconfigured
from connector.flows.contacts.load_progress import AtWork
from connector.flows.contacts.loading import holds, home_of
from connector.flows.contacts.marking import in_step
from connector.flows.contacts.previewing import named_examples
from connector.flows.contacts.staging import Ground
from connector.flows.tenant import Tenant
from connector.i18n import Translate
from connector.store.dirty import Side
from connector.store.loads import OPEN, Loaded
from connector.web.console.customers import words
from connector.web.console.customers.load_status import part, status_of
from connector.web.console.customers.overview import CUSTOMERS, short
from connector.web.console.customers.record_names import WHAT
from connector.web.console.desk import PATH, Console, Visit
from connector.web.console.live import Live
from connector.web.console.masking import masked
from connector.web.console.words import done
from connector.web.notes import Said

LOAD = CUSTOMERS + "/load"
_PROBLEMS = 100
_LEAVE = "leave: "


class Work(Protocol):
    """First loads as the service does them."""

    def of(self, installation_id: str) -> AtWork | None:
        """The one that is under way, or was last."""

    def preview(self, tenant: Tenant, source: Side) -> bool:
        """Begin to count; False while another is under way."""

    def start(self, tenant: Tenant, source: Side) -> bool:
        """Begin or go on to write; False while another is under way."""

    def stop_one(self, installation_id: str) -> bool:
        """Have it stop; answers whether it was under way."""

    async def end(self, tenant: Tenant) -> bool:
        """End the open load for good; False while it is under way."""


@dataclass(frozen=True, slots=True)
class Example:
    """One record that was counted; `other` is its counterpart."""

    record: str
    name: str
    other: str
    why: str
    detail: str


class LoadPages:
    """The page of first loads."""

    def __init__(self, console: Console, work: Work, live: Live) -> None:
        """`work` does them in the background, `live` shows how far one is."""
        self._console, self._work, self._live = console, work, live

    def routes(self) -> web.RouteTableDef:
        """The page, its form, and what changes on it."""
        table, serve = web.RouteTableDef(), self._console.serve
        table.get(PATH + LOAD)(serve(self.show))
        table.post(PATH + LOAD)(serve(self.act))
        table.get(PATH + LOAD + "/live")(serve(self.stream))
        return table

    async def show(self, visit: Visit) -> web.StreamResponse:
        """How the last load stands, and what can be done with it."""
        return await self._page(visit)

    async def act(self, visit: Visit) -> web.StreamResponse:
        """Count, begin, go on, stop or end it, or show the names of the examples."""
        _, tenant, act = visit.translate, visit.tenant, visit.text("act")
        source = Side.PIPEDRIVE if visit.text("source") == Side.PIPEDRIVE else Side.CENTRE
        where = visit.at("customers/load")
        if act == "show":
            await tenant.audit.note(visit.who, "reveal", page="load")
            return await self._page(visit, reveal=True)
        if act != "stop" and not in_step(tenant):
            raise Misconfigured(
                _("Customers and companies are not kept in step. Switch it on under Fields first.")
            )
        if act == "preview":
            begun, said = self._work.preview(tenant, source), _("Counting has begun. Nothing is written.")
        elif act == "start":
            begun, said = self._work.start(tenant, source), _("The load has begun.")
        elif act == "end":
            begun, said = await self._work.end(tenant), _("The load is ended. What it has written stays.")
        else:
            begun, said = self._work.stop_one(tenant.id), _("It is being stopped.")
        if not begun:
            title = _("No load is under way.") if act == "stop" else _("A load is under way already.")
            return self._console.tell(Said("attention", _("Not done"), title), where)
        await tenant.audit.note(visit.who, "load", act=act, source=source)
        return self._console.tell(done(said, _), where)

    async def stream(self, visit: Visit) -> web.StreamResponse:
        """What changes while a load is under way."""
        if not self._is_at_work(visit.tenant):
            raise web.HTTPSeeOther(visit.at("customers/load"))

        async def render() -> tuple[str, bool]:
            status = status_of(self._work.of(visit.tenant.id), await visit.tenant.loads.last(), visit)
            part = self._console.page(visit, "console/customers/load_live.html", "customers", how=status)
            return part.text or "", status is not None and status.goes_on

        return await self._live.stream(visit, render)

    def _is_at_work(self, tenant: Tenant) -> bool:
        work = self._work.of(tenant.id)
        return work is not None and not work.ended

    async def _page(self, visit: Visit, *, reveal: bool = False) -> web.StreamResponse:
        tenant, _ = visit.tenant, visit.translate
        load, work = await tenant.loads.last(), self._work.of(tenant.id)
        is_open = load is not None and load.state in OPEN
        status = status_of(work, load, visit)
        examples: Mapping[str, Sequence[Example]] = {}
        if load is not None and is_open and load.preview and not (status and status.goes_on):
            examples = await _examples(tenant, load, _, reveal=reveal)
        return self._console.page(
            visit, "console/customers/load.html", "customers/load", load=load, how=status, is_on=in_step(tenant), is_open=is_open,
            can_start=load is not None and load.state in OPEN and bool(load.preview) and holds(tenant, load, Side(load.source)),
            begun=load is not None and load.started_at is not None, anew=work is not None and work.anew,
            sources=_sources(_), counted=_counted(load, visit), reasons=_reasons(load, visit), estimate=part(load, "estimate"),
            limits=part(load, "limits"), examples=examples, left_out=_left_out(load, visit),
            problems=_problems(load, tenant, _), reveal=reveal,
        )  # fmt: skip


def _sources(_: Translate) -> Sequence[tuple[str, str]]:
    return (
        (Side.CENTRE, _("From the contact centre into Pipedrive")),
        (Side.PIPEDRIVE, _("From Pipedrive into the contact centre")),
    )


def _counted(load: Loaded | None, visit: Visit) -> list[tuple[str, str, str]]:
    counts = part(load, "counts")
    known = words.counted(visit.translate)
    return [(name, word, visit.show.number(counts[name])) for name, word in known.items() if counts.get(name)]


def _reasons(load: Loaded | None, visit: Visit) -> list[tuple[str, str, str]]:
    found = [(*words.reason(why, visit.translate), number) for why, number in part(load, "reasons").items()]
    return [(why, detail, visit.show.number(number)) for why, detail, number in found]


def _left_out(load: Loaded | None, visit: Visit) -> list[tuple[str, str, str]]:
    counts = load.counts if load is not None else {}
    return [
        (*words.reason(name.removeprefix(_LEAVE), visit.translate), visit.show.number(number))
        for name, number in counts.items() if name.startswith(_LEAVE)
    ]  # fmt: skip


def _problems(load: Loaded | None, tenant: Tenant, _: Translate) -> list[dict[str, str]]:
    """Records that a side refused, each with its reason and what names it in the form that pushes it."""
    found = []
    for one in load.problems[:_PROBLEMS] if load is not None else ():
        why, detail = words.reason(one["reason"], _)
        name = _record(tenant, one["entity"], one["id"], _)
        found.append({"name": name, "what": one["entity"], "record": one["id"], "why": why, "detail": detail})
    return found


def _record(tenant: Tenant, entity: str, record_id: str, _: Translate) -> str:
    kind, side = WHAT[entity]
    return words.records(_)[kind.entity, side] % {"id": short(tenant, record_id)}


async def _examples(
    tenant: Tenant, load: Loaded, _: Translate, *, reveal: bool
) -> Mapping[str, Sequence[Example]]:
    ground = Ground(tenant, load, home_of(tenant))
    side = ground.other_side
    found = {}
    for fate, some in (await named_examples(ground)).items():
        found[fate] = [
            Example(
                _record(tenant, one["entity"], one["id"], _), one["name"] if reveal else masked(one["name"]),
                words.records(_)[WHAT[one["entity"]][0].entity, side] % {"id": short(tenant, one["other"])} if one["other"] else "",
                *words.reason(one["reason"], _),
            )
            for one in some
        ]  # fmt: skip
    return found
