"""Deals: where a new one begins, which of them agents see, and the group of the card that shows them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from aiohttp import web

from connector.errors import ConnectorError
from connector.flows.deals.catalogue import Catalogue, catalogue
from connector.flows.tenant import Tenant
from connector.i18n import Translate
from connector.installation_settings import Deals as DealSettings
from connector.web.console.desk import PATH, Console, Visit
from connector.web.console.set_up.steps import led_back, step_of
from connector.web.console.settings.filled import Filled
from connector.web.console.words import done
from connector.web.notes import Said

PAGE = "settings/deals"
_LONGEST = 100


@dataclass(frozen=True, slots=True)
class Offered:
    """What can be chosen: stages under the names of their pipelines, and groups of the contact centre's card.

    `groups` is None where they could not be read.
    """

    places: Sequence[tuple[str, Sequence[tuple[str, str]]]]
    groups: Mapping[str, Sequence[str]] | None
    is_gone: bool


class DealPages:
    """The page, and what the guided set-up shows of it."""

    def __init__(self, console: Console) -> None:
        """Saved through the console."""
        self._console = console

    def routes(self) -> web.RouteTableDef:
        """The page and its form."""
        table, serve = web.RouteTableDef(), self._console.serve
        table.get(f"{PATH}/{PAGE}")(serve(self._show))
        table.post(f"{PATH}/{PAGE}")(serve(self._save))
        return table

    async def _show(self, visit: Visit) -> web.StreamResponse:
        return await self._page(visit, form_of_deals(visit.tenant))

    async def _page(
        self, visit: Visit, form: Filled, *, status: int = 200, said: Said | None = None
    ) -> web.Response:
        return self._console.page(
            visit, "console/settings/deals.html", PAGE, status=status, said=said, form=form,
            offered=await offered(visit.tenant, visit.translate, groups=True), step=step_of(visit),
        )  # fmt: skip

    async def _save(self, visit: Visit) -> web.StreamResponse:
        _, tenant, deals = visit.translate, visit.tenant, visit.tenant.settings.deals
        book = await _book(tenant)
        place = visit.text("place")
        pipeline, _bar, stage = place.partition("/")
        errors = {}
        if not _is_there(book, pipeline, stage):
            errors["place"] = _("This stage is not in Pipedrive any more. Choose another.")
        # The set-up asks for the place of a new deal alone.
        group = (
            visit.text("mirror_group")[:_LONGEST] or None
            if "mirror_group" in visit.form
            else deals.mirror_group
        )
        visible: Literal["agent", "all"] = deals.visible
        if "visible" in visit.form:
            visible = "all" if visit.text("visible") == "all" else "agent"
        if errors:
            values = {"place": place, "visible": visible, "mirror_group": group or ""}
            said = Said("broken", _("Not saved"), _("Something has to be corrected: it is marked below."))
            return await self._page(visit, Filled(values, errors), status=422, said=said)
        changes = DealSettings(
            pipeline=pipeline or None, stage=stage or None, visible=visible, mirror_group=group
        )
        await self._console.save(visit, tenant.settings.model_copy(update={"deals": changes}))
        return self._console.tell(done(_("The rules for deals are saved."), _), led_back(visit, PAGE))


def form_of_deals(tenant: Tenant) -> Filled:
    """The form as it is saved."""
    deals = tenant.settings.deals
    place = "/".join(filter(None, (deals.pipeline, deals.stage)))
    return Filled({"place": place, "visible": deals.visible, "mirror_group": deals.mirror_group or ""})


async def offered(tenant: Tenant, _: Translate, *, groups: bool = False) -> Offered:
    """What can be chosen: pipelines and stages as they were read this day (40 tokens), and on demand the card's groups."""
    book, deals = await _book(tenant), tenant.settings.deals
    places = [
        (
            pipeline.name,
            [
                (pipeline.id, _("%(pipeline)s: its first stage") % {"pipeline": pipeline.name}),
                *((f"{pipeline.id}/{stage.id}", stage.name) for stage in book.stages_of(pipeline.id)),
            ],
        )
        for pipeline in book.pipelines
    ]
    found = await _groups(tenant) if groups else None
    return Offered(places, found, is_gone=not _is_there(book, deals.pipeline or "", deals.stage or ""))


async def _book(tenant: Tenant) -> Catalogue:
    return await catalogue(tenant, no_older_than=timedelta(days=1))


def _is_there(book: Catalogue, pipeline: str, stage: str) -> bool:
    if not pipeline:
        return not stage
    return book.pipeline(pipeline) is not None and (
        not stage or stage in {one.id for one in book.stages_of(pipeline)}
    )


async def _groups(tenant: Tenant) -> Mapping[str, Sequence[str]] | None:
    found: dict[str, Sequence[str]] = {}
    try:
        for centre in tenant.centres.values():
            found |= await centre.api.field_groups()
    except ConnectorError:
        return None
    return found
