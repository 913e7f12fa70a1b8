"""Settings, Fields: which field is which on the other side, tried on real records before it is saved."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from aiohttp import web

from connector.contact_settings import Contacts
from connector.errors import ConnectorError
from connector.flows.contacts.foreseeing_fields import Foreseen, foresee
from connector.flows.contacts.kinds import COMPANIES, CUSTOMERS, sync_of
from connector.flows.contacts.known_fields import Known, known_fields
from connector.flows.contacts.previewing_fields import MOST, Preview, as_if_saved, preview_fields
from connector.flows.contacts.work import reader_of
from connector.flows.contacts.working import limit_of
from connector.flows.rules import People
from connector.i18n import Translate
from connector.store.bindings import Bond
from connector.web.console.customers import words as contact_words
from connector.web.console.desk import PATH, Console, Visit
from connector.web.console.masking import masked
from connector.web.console.settings import field_words as words
from connector.web.console.settings.field_form import (
    FieldForm,
    centre_choices,
    crm_choices,
    form_of_settings,
    form_sent,
    label_choices,
    look_over,
    read,
)
from connector.web.console.words import done, explain, moved_on, not_done
from connector.web.notes import Said

PLACE = "settings/fields"
_PAGES = {PLACE: CUSTOMERS, f"{PLACE}/companies": COMPANIES}
_NUMBERS = ("1", "5", "10", str(MOST))


@dataclass(frozen=True, slots=True)
class Effect:
    """What saving would do, for the page that asks whether it is meant."""

    foreseen: Foreseen
    pairs: int
    alone: int
    limit: int
    scope_changes: bool
    switched: str


def routes(console: Console) -> web.RouteTableDef:
    """A page for customers and persons, and one for companies and organizations."""
    table = web.RouteTableDef()
    for place in _PAGES:
        page = _Page(console, place)
        table.get(f"{PATH}/{place}")(console.serve(page.show))
        table.post(f"{PATH}/{place}")(console.serve(page.press))
    return table


class _Page:
    def __init__(self, console: Console, place: str) -> None:
        self._console, self._place, self._kind = console, place, _PAGES[place]

    async def show(self, visit: Visit) -> web.StreamResponse:
        tenant, contacts = visit.tenant, visit.tenant.settings.contacts
        form = form_of_settings(contacts, self._kind, tenant.settings.tz, tenant.directory.people)
        known = await known_fields(tenant, self._kind)
        look_over(form, contacts, known, tenant.phones, visit.translate)
        return self._form(visit, form, known)

    async def press(self, visit: Visit) -> web.StreamResponse:
        """Everything the form can do; nothing that was typed is lost on the way."""
        form, what = form_sent(visit.form, self._kind), visit.text("do")
        known = await known_fields(visit.tenant, self._kind, anew=what == "read")
        what, _, row = what.partition("_")
        if visit.text("version") != str(visit.tenant.installed.settings_version):
            # What he presses next is meant for the settings as they are now.
            said = not_done(moved_on(visit.translate), visit.translate)
            return self._form(visit, form, known, status=409, said=said)
        if what == "add":
            form.add_row()
        elif what == "remove" and row.isdigit():
            form.rows = [number for number in form.rows if number != int(row)]
        elif what in ("preview", "unmask", "review", "save"):
            return await self._judged(visit, form, known, what)
        return self._form(visit, form, known)

    async def _judged(self, visit: Visit, form: FieldForm, known: Known, what: str) -> web.StreamResponse:
        tenant, _ = visit.tenant, visit.translate
        contacts = await self._meant(visit, form, known)
        if contacts is None:
            return self._form(visit, form, known, status=422)
        if known.pipedrive is None and what in ("review", "save"):
            # What the two systems alone know cannot be checked: nothing is saved.
            return self._form(visit, form, known, status=503)
        if what in ("preview", "unmask"):
            return await self._preview(visit, form, known, contacts, open_=what == "unmask")
        if contacts == tenant.settings.contacts:
            return self._console.tell(done(_("Nothing was changed."), _), visit.at(self._place))
        if what == "save":
            settings = tenant.settings.model_copy(update={"contacts": contacts})
            saved = await self._console.save(visit, settings)
            version = saved.tenant.installed.settings_version
            title = _("The fields are saved as version %(version)s.") % {"version": version}
            said = done(title, _, found=saved.warnings)
            return self._console.tell(said, visit.at(self._place))
        effect = await self._effect(visit, contacts)
        return self._console.page(
            visit, "console/settings/fields_confirm.html", PLACE, place=self._place, kind=self._kind,
            form=form, effect=effect, row_word=_row_word(known, _), contacts=contacts, customers=CUSTOMERS,
        )  # fmt: skip

    async def _meant(self, visit: Visit, form: FieldForm, known: Known) -> Contacts | None:
        tenant = visit.tenant
        named = any(form.get(f"{way}_owners") for way in ("to_pipedrive", "to_centre"))
        people = (await tenant.people()).people if named else People()
        settings = tenant.settings
        return read(form, settings.contacts, known, tenant.phones, settings.tz, people, visit.translate)

    async def _preview(
        self, visit: Visit, form: FieldForm, known: Known, contacts: Contacts, *, open_: bool
    ) -> web.StreamResponse:
        latest = form.get("latest")
        if latest not in _NUMBERS:
            latest = form.values["latest"] = "5"
        said: Said | None = None
        preview: Preview | None = None
        try:
            preview = await preview_fields(
                visit.tenant, contacts, self._kind, latest=int(latest), named=form.get("named")
            )
        except ConnectorError as error:
            said = explain(error, visit.translate)
        if open_ and preview is not None:
            await visit.tenant.audit.note(
                visit.who, "reveal", page=self._place, records=[one.centre_id or one.crm_id for one in preview.records]
            )  # fmt: skip
        return self._form(visit, form, known, preview=preview, said=said, open_=open_)

    async def _effect(self, visit: Visit, contacts: Contacts) -> Effect:
        tenant, kind = visit.tenant, self._kind
        before, _ = await reader_of(tenant, kind)
        after, _ = await reader_of(as_if_saved(tenant, contacts), kind)
        counts, sizes, limit = await asyncio.gather(
            tenant.bindings.counts(), tenant.index.size(), limit_of(as_if_saved(tenant, contacts))
        )
        pairs = counts.get(kind.entity, {})
        was, now = sync_of(kind, tenant.settings.contacts), sync_of(kind, contacts)
        scopes = (was.to_pipedrive, was.to_centre) != (now.to_pipedrive, now.to_centre)
        switched = "" if tenant.settings.contacts.sync == contacts.sync else contacts.sync
        known = sum(pairs.get(state, 0) for state in (Bond.BOUND, Bond.ALIAS))
        return Effect(
            foresee(before.pairs, after.pairs), pairs.get(Bond.BOUND, 0), max(0, sizes.get(kind.centre, 0) - known),
            limit, scopes, switched,
        )  # fmt: skip

    def _form(
        self, visit: Visit, form: FieldForm, known: Known, *, status: int = 200, preview: Preview | None = None,
        said: Said | None = None, open_: bool = False,
    ) -> web.StreamResponse:  # fmt: skip
        _ = visit.translate
        if said is None and known.troubles:
            said = explain(known.troubles[0], _)
        return self._console.page(
            visit, "console/settings/fields.html", PLACE, status=status, said=said, place=self._place,
            kind=self._kind, customers=CUSTOMERS, form=form, was_tried=status != 200,
            centre_choices={row: centre_choices(form, row, known, _) for row in form.rows},
            crm_choices={row: crm_choices(form, row, known, _) for row in form.rows},
            labels=label_choices(form, known), ways=words.way_words(_), policies=words.policy_words(_),
            transforms=words.transform_words(_), field_word=lambda name: words.field_word(name, _, known.pipedrive),
            numbers=[(number, number) for number in _NUMBERS], preview=preview, open=open_,
            row_word=lambda key: contact_words.row(key, _), why=lambda reason: contact_words.reason(reason, _), told=(lambda text: text) if open_ else masked,
        )  # fmt: skip


def _row_word(known: Known, _: Translate) -> object:
    """What names the rows of a list in a sentence."""

    def named(rules: Sequence[object]) -> str:
        pairs = [(getattr(rule, "centre", ""), getattr(rule, "pipedrive", "")) for rule in rules]
        return ", ".join(
            f"{words.field_word(centre, _)} – {words.field_word(crm, _, known.pipedrive)}"
            for centre, crm in pairs
        )

    return named
