"""Special fields: those that tie a record of one system to its counterpart in the other, and lead from one to the other."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from aiohttp import web

from connector.flows.contacts.kinds import CUSTOMERS
from connector.flows.contacts.known_fields import known_fields
from connector.flows.contacts.linking import IN_PIPEDRIVE, find_or_create_fields
from connector.flows.tenant import Tenant
from connector.installation_settings import SpecialFields
from connector.pipedrive.budget import Lane
from connector.pipedrive.records import Field
from connector.web.console.desk import PATH, Console, Visit
from connector.web.console.set_up.steps import led_back, step_of
from connector.web.console.settings.filled import Filled
from connector.web.console.words import done
from connector.web.notes import Said

PAGE = "settings/special-fields"
#: The fields of the contact centre, in the order of the page.
IN_CENTRE = (
    "customer_pipedrive_id", "customer_pipedrive_link", "customer_deals_page", "ticket_deals_page", "ticket_deal_link",
)  # fmt: skip
_KEPT = timedelta(minutes=10)
_MOST_KEPT = 100
_LONGEST = 100
#: What reading the three lists costs.
TOKENS = 30


@dataclass(frozen=True, slots=True)
class Choices:
    """Fields that can be chosen: Pipedrive's by the setting that names them, and names that customers' cards show."""

    fields: Mapping[str, Sequence[Field]]
    names: Sequence[str]

    def options(self, name: str, chosen: str, empty: str, gone: str) -> list[tuple[str, str]]:
        """What stands in the list of one field."""
        found = [("", empty), *((field.code, field.name) for field in self.fields.get(name, ()))]
        if chosen and chosen not in dict(found):
            found.append((chosen, gone % {"code": chosen[:8]}))
        return found


class SpecialFieldPages:
    """The page, and what the guided set-up shows of it."""

    def __init__(self, console: Console) -> None:
        """Saved through the console."""
        self._console = console
        self._lists: OrderedDict[str, tuple[datetime, dict[str, list[Field]]]] = OrderedDict()

    def routes(self) -> web.RouteTableDef:
        """The page and its forms."""
        table, serve = web.RouteTableDef(), self._console.serve
        table.get(f"{PATH}/{PAGE}")(serve(self._show))
        table.post(f"{PATH}/{PAGE}")(serve(self._save))
        table.post(f"{PATH}/{PAGE}/make")(serve(self._make))
        return table

    async def choices(self, visit: Visit) -> Choices:
        """What can be chosen, read at most once in ten minutes (30 tokens, and a page of customers a day)."""
        tenant = visit.tenant
        lists = await self._read(tenant)
        fields = {
            name: [field for field in lists[entity] if field.custom and field.type == kind]
            for name, (entity, kind) in IN_PIPEDRIVE.items()
        }
        known = await known_fields(tenant, CUSTOMERS)
        return Choices(fields, known.centre or ())

    async def _read(self, tenant: Tenant) -> dict[str, list[Field]]:
        kept, now = self._lists.get(tenant.id), tenant.clock.now()
        if kept is not None and now - kept[0] < _KEPT:
            return kept[1]
        api = tenant.pipedrive.on(Lane.POP)
        lists = {entity: await api.fields(entity) for entity in ("person", "organization", "deal")}
        while len(self._lists) >= _MOST_KEPT:
            self._lists.popitem(last=False)
        self._lists[tenant.id] = (now, lists)
        return lists

    async def _show(self, visit: Visit) -> web.StreamResponse:
        return await self._page(visit, form_of_fields(visit.tenant.settings.special_fields))

    async def _page(
        self, visit: Visit, form: Filled, *, status: int = 200, said: Said | None = None
    ) -> web.Response:
        return self._console.page(
            visit, "console/settings/special_fields.html", PAGE, status=status, said=said, form=form,
            choices=await self.choices(visit), tokens=TOKENS, step=step_of(visit),
        )  # fmt: skip

    async def _save(self, visit: Visit) -> web.StreamResponse:
        _, tenant = visit.translate, visit.tenant
        lists, errors = await self._read(tenant), {}
        values = {name: visit.text(name)[:_LONGEST] for name in (*IN_PIPEDRIVE, *IN_CENTRE)}
        for name, (entity, _kind) in IN_PIPEDRIVE.items():
            if values[name] and values[name] not in {field.code for field in lists[entity]}:
                errors[name] = _("This field is not in Pipedrive any more. Choose another, or have one made.")
        chosen = [values[name] for name in IN_PIPEDRIVE if values[name]]
        errors |= {
            name: _("This field is chosen twice. Each needs one of its own.")
            for name in IN_PIPEDRIVE
            if values[name] and chosen.count(values[name]) > 1
        }
        if errors:
            said = Said("broken", _("Not saved"), _("Something has to be corrected: it is marked below."))
            return await self._page(visit, Filled(values, errors), status=422, said=said)
        fields = SpecialFields(**{name: value or None for name, value in values.items()})
        saved = await self._console.save(visit, tenant.settings.model_copy(update={"special_fields": fields}))
        return self._console.tell(
            done(_("The special fields are saved."), _, found=saved.warnings), led_back(visit, PAGE)
        )

    async def _make(self, visit: Visit) -> web.StreamResponse:
        """Find the fields in Pipedrive by name, or make them."""
        _, tenant = visit.translate, visit.tenant
        self._lists.pop(tenant.id, None)
        fields, problems = await find_or_create_fields(tenant)
        if fields != tenant.settings.special_fields:
            await self._console.save(visit, tenant.settings.model_copy(update={"special_fields": fields}))
        if problems:
            said = Said(
                "attention", _("Not done"), _("Pipedrive did not let all fields be made."),
                _("Make room for them, or do without: deals and records are then told by name and time."), detail="; ".join(problems),
            )  # fmt: skip
        else:
            said = done(_("The fields are in Pipedrive, and named here."), _)
        return self._console.tell(said, led_back(visit, PAGE))


def form_of_fields(fields: SpecialFields) -> Filled:
    """The form as it is saved."""
    return Filled({name: value or "" for name, value in fields.model_dump().items()})
