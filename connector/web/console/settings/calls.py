"""Calls by click: which numbers agents may have dialled, and which never."""

from __future__ import annotations

from aiohttp import web

from connector.flows.tenant import Tenant
from connector.store.live_calls import MOST_A_MINUTE, MOST_AT_ONCE
from connector.web.console.desk import PATH, Console, Visit
from connector.web.console.settings.filled import Filled, changed
from connector.web.console.words import done

PAGE = "settings/calls"
_KINDS = ("premium", "internal")


def routes(console: Console) -> web.RouteTableDef:
    """The page and its form."""
    pages = _CallPages(console)
    table = web.RouteTableDef()
    table.get(f"{PATH}/{PAGE}")(console.serve(pages.show))
    table.post(f"{PATH}/{PAGE}")(console.serve(pages.save))
    return table


class _CallPages:
    def __init__(self, console: Console) -> None:
        self._console = console

    async def show(self, visit: Visit) -> web.StreamResponse:
        return self._page(visit, _form_of(visit.tenant))

    async def save(self, visit: Visit) -> web.StreamResponse:
        _, refused = visit.translate, visit.text("refused")
        allowed = {kind: visit.text(kind) for kind in _KINDS}
        part = {kind: bool(value) for kind, value in allowed.items()} | {
            "refused": [one for line in refused.splitlines() if (one := line.strip(" ,;"))]
        }
        settings, wrong = changed(visit.tenant.settings, {"dialling": part}, {})
        if settings is None:
            told = _("Write each with + and the country, such as +48 70; fifty at most.") if wrong else ""
            form = Filled({**allowed, "refused": refused}, {"refused": told})
            return self._page(visit, form, status=422)
        await self._console.save(visit, settings)
        return self._console.tell(done(_("The rules for calls by click are saved."), _), visit.at(PAGE))

    def _page(self, visit: Visit, form: Filled, *, status: int = 200) -> web.Response:
        return self._console.page(
            visit, "console/settings/calls.html", PAGE, status=status, form=form,
            most_a_minute=MOST_A_MINUTE, most_at_once=MOST_AT_ONCE,
        )  # fmt: skip


def _form_of(tenant: Tenant) -> Filled:
    """The form as it is saved."""
    rules = tenant.settings.dialling
    chosen = {"premium": rules.premium, "internal": rules.internal}
    return Filled(
        {kind: "on" if is_on else "" for kind, is_on in chosen.items()}
        | {"refused": "\n".join(rules.refused)}
    )
