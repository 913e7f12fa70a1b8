"""The guided set-up: seven steps, each saved and checked by itself, from nothing to the first activity."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace

import structlog
from aiohttp import web

from connector.errors import ConnectorError
from connector.flows.contacts.loading import previewed
from connector.flows.learning_links import Of, learn_link
from connector.flows.previewing import ACTIVITY_TOKENS
from connector.flows.trying import newest_events, write_one
from connector.installation_settings import Links
from connector.pipedrive.budget import Lane
from connector.records import EventKind
from connector.store.dirty import Side
from connector.store.entries import State
from connector.web.console.desk import PATH, Console, Soon, Visit
from connector.web.console.set_up import words
from connector.web.console.set_up.steps import SET_UP, STEPS, page_of, steps_of, without_user
from connector.web.console.settings.activities import Line
from connector.web.console.settings.activity_form import ActivityForm, Choices, read_form
from connector.web.console.settings.agents import Agents
from connector.web.console.settings.connections import Connections, account_of, times_of
from connector.web.console.settings.deals import form_of_deals, offered
from connector.web.console.settings.filled import Filled
from connector.web.console.settings.special_fields import TOKENS, SpecialFieldPages, form_of_fields
from connector.web.console.words import done, explain, not_done
from connector.web.notes import Said

log = structlog.get_logger()

LINKS: tuple[Of, ...] = ("customer", "ticket", "call", "chat")
_LONGEST_ADDRESS = 500
#: So long a press waits for a preview before the page says that it is being made.
_PATIENCE_S = 2.0

#: Has an installation that was switched on run at once.
Part = Callable[[Visit], Awaitable[Mapping[str, object]]]


class SetUp:
    """The way through the settings; the sections themselves save what is theirs."""

    def __init__(
        self,
        console: Console,
        connections: Connections,
        fields: SpecialFieldPages,
        agents: Agents,
        soon: Soon,
    ) -> None:
        """Shows the forms of the sections, which lead back here."""
        self._console, self._soon = console, soon
        self._connections, self._fields, self._agents = connections, fields, agents
        self._previews: dict[str, asyncio.Task[object]] = {}

    def routes(self) -> web.RouteTableDef:
        """The steps and what is pressed on them."""
        table, serve = web.RouteTableDef(), self._console.serve
        table.get(f"{PATH}/{SET_UP}")(serve(self._show_all))
        for step in STEPS:
            table.get(f"{PATH}/{page_of(step)}")(serve(self._show))
        table.post(f"{PATH}/{page_of('activities')}")(serve(self._save_activities))
        table.post(f"{PATH}/{page_of('records')}")(serve(self._save_records))
        table.post(f"{PATH}/{page_of('records')}/preview")(serve(self._preview))
        table.post(f"{PATH}/{page_of('records')}/links")(serve(self._learn))
        table.post(f"{PATH}/{page_of('test')}")(serve(self._look))
        table.post(f"{PATH}/{page_of('test')}/write")(serve(self._write))
        table.post(f"{PATH}/{page_of('test')}/switch")(serve(self._switch))
        return table

    async def close(self) -> None:
        """End previews under way: they have written nothing."""
        for task in self._previews.values():
            task.cancel()
        await asyncio.gather(*self._previews.values(), return_exceptions=True)

    async def _show_all(self, visit: Visit) -> web.StreamResponse:
        centres = await self._console.installations.centres(visit.tenant.id)
        steps = steps_of(visit.tenant, centres, visit.translate)
        following = next((step for step in steps if not step.is_fine), steps[-1])
        return self._console.page(
            visit, "console/set_up/steps.html", SET_UP, steps=steps, following=following, page_of=page_of
        )

    async def _show(self, visit: Visit) -> web.StreamResponse:
        return await self._page(visit, visit.request.path.rpartition("/")[2])

    async def _page(
        self, visit: Visit, step: str, *, status: int = 200, said: Said | None = None, **shown: object
    ) -> web.Response:
        parts: dict[str, Part] = {
            "pipedrive": self._pipedrive, "contact-centre": self._pipedrive, "special-fields": self._special_fields,
            "agents": self._table, "activities": self._activities, "records": self._records, "test": self._test,
        }  # fmt: skip
        given = {**(await parts[step](visit)), **shown}
        # Read last: a part may have read agents and types that the steps are judged by.
        centres = await self._console.installations.centres(visit.tenant.id)
        at = STEPS.index(step)
        return self._console.page(
            visit, f"console/set_up/{step.replace('-', '_')}.html", SET_UP, status=status, said=said,
            step=step, steps=steps_of(visit.tenant, centres, visit.translate), page_of=page_of,
            before=STEPS[at - 1] if at else None, after=STEPS[at + 1] if at + 1 < len(STEPS) else None, **given,
        )  # fmt: skip

    # what each step shows

    async def _pipedrive(self, visit: Visit) -> Mapping[str, object]:
        return {"standing": await self._connections.standing(visit), "account": account_of(visit)}

    async def _special_fields(self, visit: Visit) -> Mapping[str, object]:
        form = form_of_fields(visit.tenant.settings.special_fields)
        return {"form": form, "choices": await self._fields.choices(visit), "tokens": TOKENS}

    async def _table(self, visit: Visit) -> Mapping[str, object]:
        return {"agents": await self._agents.table(visit)}

    async def _activities(self, visit: Visit) -> Mapping[str, object]:
        tenant, _ = visit.tenant, visit.translate
        await tenant.people()
        return {
            "form": ActivityForm.of(tenant.settings, Choices.of(tenant, _), _),
            "place": form_of_deals(tenant), "offered": await offered(tenant, _), "times": times_of(tenant.settings),
            "zones": (await self._connections.standing(visit)).zones,
        }  # fmt: skip

    async def _records(self, visit: Visit) -> Mapping[str, object]:
        tenant, _ = visit.tenant, visit.translate
        task = self._previews.get(tenant.id)
        trouble = None
        if task is not None and task.done():
            del self._previews[tenant.id]
            error = None if task.cancelled() else task.exception()
            if error is not None and not isinstance(error, ConnectorError):
                log.error("preview broke", installation=tenant.id, error=type(error).__name__)
                error = ConnectorError()
            trouble = explain(error, _) if isinstance(error, ConnectorError) else None
        load = await tenant.loads.open()
        return {
            "links": Filled({of: getattr(tenant.settings.links, of) or "" for of in LINKS}),
            "kinds": words.link_names(_), "is_reading": task is not None and not task.done(), "trouble": trouble,
            "previewed": words.previewed(load, _) if load is not None else None,
        }  # fmt: skip

    async def _test(self, visit: Visit) -> Mapping[str, object]:
        return {"lines": None, "tokens": ACTIVITY_TOKENS, "without": len(without_user(visit.tenant))}

    # what is pressed

    async def _save_activities(self, visit: Visit) -> web.StreamResponse:
        _, tenant = visit.translate, visit.tenant
        await tenant.people()
        choices = Choices.of(tenant, _)
        entered = read_form(visit.form, tenant.settings, choices, _)
        if entered.settings is None:
            form = ActivityForm.typed(visit.form, entered.errors, choices, _)
            return await self._page(visit, "activities", status=422, form=form, said=words.not_saved(_))
        await self._console.save(visit, entered.settings)
        return self._told(visit, "activities", done(_("The rules are saved."), _))

    async def _save_records(self, visit: Visit) -> web.StreamResponse:
        _, settings = visit.translate, visit.tenant.settings
        contacts = settings.contacts.model_copy(
            update={"sync": "on" if visit.text("sync") == "on" else "off"}
        )
        saved = await self._console.save(visit, settings.model_copy(update={"contacts": contacts}))
        title = _("They will be kept the same.") if contacts.sync == "on" else _("They are left as they are.")
        return self._told(visit, "records", done(title, _, found=saved.warnings))

    async def _preview(self, visit: Visit) -> web.StreamResponse:
        """Begin to count what a first load would do; the page tells when it is known."""
        _, tenant = visit.translate, visit.tenant
        source = Side.PIPEDRIVE if visit.text("from") == "pipedrive" else Side.CENTRE
        if not tenant.centres:
            return self._told(visit, "records", not_done(_("Connect a contact centre first."), _))
        if (under_way := self._previews.get(tenant.id)) is None or under_way.done():
            begun = asyncio.create_task(previewed(tenant, source, lambda _facts: None, anew=True))
            self._previews[tenant.id] = begun
            await asyncio.wait({begun}, timeout=_PATIENCE_S)
        return web.Response(status=303, headers={"Location": visit.at(page_of("records")) + "#preview"})

    async def _learn(self, visit: Visit) -> web.StreamResponse:
        """Learn links from pasted addresses; what stands already stays unless it is pasted over or emptied."""
        _, settings = visit.translate, visit.tenant.settings
        typed: dict[str, str] = {of: visit.text(of) for of in LINKS}
        errors: dict[str, str] = {}
        templates: dict[str, str | None] = {}
        for of in LINKS:
            if not typed[of] or len(typed[of]) > _LONGEST_ADDRESS:
                templates[of] = None
                if typed[of]:
                    errors[of] = words.link_trouble("no address", _)
                continue
            learnt = await learn_link(visit.tenant, of, typed[of])
            templates[of] = learnt.template
            if learnt.trouble:
                errors[of] = words.link_trouble(learnt.trouble, _)
        if errors:
            return await self._page(
                visit, "records", status=422, links=Filled(typed, errors), said=words.not_saved(_)
            )
        await self._console.save(visit, settings.model_copy(update={"links": Links(**templates)}))
        return self._told(visit, "records", done(_("The links are saved."), _))

    async def _look(self, visit: Visit) -> web.StreamResponse:
        """The newest events as they would be written now."""
        _, tenant = visit.translate, visit.tenant
        asked = replace(tenant, pipedrive=tenant.pipedrive.on(Lane.POP))
        foreseen = await newest_events(asked)
        reveal = "reveal" in visit.form
        if reveal:
            await tenant.audit.note(visit.who, "reveal", preview=len(foreseen))
        choices = Choices.of(tenant, _)
        lines = [Line(one, visit, choices, reveal=reveal) for one in foreseen]
        events = [one.entry for one in foreseen]
        return await self._page(visit, "test", lines=list(zip(lines, events, strict=True)))

    async def _write(self, visit: Visit) -> web.StreamResponse:
        """Write one event as an activity, on demand."""
        _, tenant = visit.translate, visit.tenant
        kind = visit.text("kind")
        if kind not in set(EventKind):
            return self._told(visit, "test", not_done(_("Choose an event from the list."), _))
        entry = await write_one(
            tenant, self._console.operations, connection=visit.text("connection"), kind=EventKind(kind),
            external_id=visit.text("event"),
        )  # fmt: skip
        await tenant.audit.note(visit.who, "test", entry=entry.id, state=entry.state)
        if entry.state is not State.DONE or entry.crm_id is None:
            return self._told(visit, "test", words.not_written(entry.state, _))
        said = done(_("It is in Pipedrive, as one completed activity."), _)
        address = tenant.record_page("activity", entry.crm_id)
        return self._told(visit, "test", replace(said, link=address))

    async def _switch(self, visit: Visit) -> web.StreamResponse:
        _, tenant = visit.translate, visit.tenant
        on = visit.text("act") == "on"
        if on and (tenant.installed.state != "active" or not tenant.centres):
            said = not_done(_("Connect Pipedrive and a contact centre first."), _)
            return self._told(visit, "test", said)
        saved = await self._console.save(visit, tenant.settings.model_copy(update={"switched_on": on}))
        if not on:
            said = done(_("It is switched off: nothing is written by itself any more."), _)
            return self._told(visit, "test", said)
        self._soon(saved.tenant)
        text = _(
            "What has happened since the contact centre was connected is written now, in a minute or two."
        )
        return self._console.tell(done(_("It is switched on."), _, text), visit.at())

    def _told(self, visit: Visit, step: str, said: Said) -> web.Response:
        return self._console.tell(said, visit.at(page_of(step)))
