"""Privacy: how long contents are kept, one customer erased and kept away, and what helps whoever looks for a mistake."""

from __future__ import annotations

import secrets
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field

from aiohttp import web
from pydantic import ValidationError

from connector.errors import Misconfigured
from connector.flows.diagnosing import Diagnosis
from connector.flows.erasing import Report, erase, let_back, look_up
from connector.flows.tenant import Tenant
from connector.i18n import Translate
from connector.installation_settings import InstallationSettings
from connector.web.console.desk import PATH, Console, Visit
from connector.web.console.words import done
from connector.web.notes import Said

PAGE = "settings/privacy"
_KEPT_REPORTS = 50
_SHOWN = 200
_LONGEST = 300


@dataclass(slots=True)
class Form:
    """What stands in the two forms of the page, and what is wrong with it."""

    payload_days: str
    undo_days: str
    subject: str = ""
    back: str = ""
    errors: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, settings: InstallationSettings) -> Form:
        """As it is saved."""
        return cls(str(settings.payload_days), str(settings.contacts.undo_days))

    def read(self, tenant: Tenant, _: Translate) -> InstallationSettings | None:
        """The settings with what was entered; None with `errors` where that cannot be saved."""
        document = tenant.settings.model_dump()
        document["payload_days"] = self.payload_days
        document["contacts"]["undo_days"] = self.undo_days
        try:
            return InstallationSettings.model_validate(document)
        except ValidationError as error:
            for wrong in error.errors():
                self.errors[str(wrong["loc"][-1])] = _("Write whole days, from 1 to 365.")
            return None


class PrivacyPages:
    """The page, the preview and the report of an erasure, and the file for whoever looks for a mistake."""

    def __init__(self, console: Console, diagnosis: Diagnosis) -> None:
        """Reports are kept in memory until the service ends, the last fifty: they hold ids and counts only."""
        self._console, self._diagnosis = console, diagnosis
        self._reports: OrderedDict[tuple[str, str], Report] = OrderedDict()

    def routes(self) -> web.RouteTableDef:
        """All of them."""
        table, serve = web.RouteTableDef(), self._console.serve
        table.get(f"{PATH}/{PAGE}")(serve(self._show))
        table.post(f"{PATH}/{PAGE}")(serve(self._save))
        table.post(f"{PATH}/{PAGE}/find")(serve(self._find))
        table.post(f"{PATH}/{PAGE}/erase")(serve(self._erase))
        table.get(f"{PATH}/{PAGE}/reports/{{report:[a-z0-9]{{1,32}}}}")(serve(self._report))
        table.post(f"{PATH}/{PAGE}/let-back")(serve(self._let_back))
        table.post(f"{PATH}/{PAGE}/diagnostics")(serve(self._diagnose))
        return table

    async def _show(self, visit: Visit) -> web.Response:
        return await self._page(visit, Form.of(visit.tenant.settings))

    async def _save(self, visit: Visit) -> web.Response:
        _, form = visit.translate, Form(visit.text("payload_days"), visit.text("undo_days"))
        settings = form.read(visit.tenant, _)
        if settings is None:
            return await self._page(visit, form, status=422)
        await self._console.save(visit, settings)
        return self._console.tell(done(_("What is kept, and how long, is saved."), _), visit.at(PAGE))

    # erasing

    async def _find(self, visit: Visit) -> web.Response:
        _, subject = visit.translate, visit.text("subject")[:_LONGEST]
        try:
            person, kept = await look_up(visit.tenant, subject)
        except Misconfigured:
            return await self._not_one(visit, "subject", subject)
        return self._console.page(
            visit, "console/settings/erase.html", PAGE, subject=subject, person=person, kept=kept, report=None,
            names=counted(_), link=visit.tenant.record_page, shown=_SHOWN,
        )  # fmt: skip

    async def _erase(self, visit: Visit) -> web.Response:
        subject = visit.text("subject")[:_LONGEST]
        try:
            report = await erase(visit.tenant, subject, doer=visit.who)
        except Misconfigured:
            return await self._not_one(visit, "subject", subject)
        name = secrets.token_hex(8)
        self._reports[visit.tenant.id, name] = report
        while len(self._reports) > _KEPT_REPORTS:
            self._reports.popitem(last=False)
        _ = visit.translate
        said = done(_("The customer’s data is erased here."), _, _("What is left elsewhere stands below."))
        return self._console.tell(said, visit.at(f"{PAGE}/reports/{name}"))

    async def _report(self, visit: Visit) -> web.Response:
        _, name = visit.translate, visit.request.match_info["report"]
        report = self._reports.get((visit.tenant.id, name))
        if report is None:
            said = Said(
                "attention",
                _("Not there"),
                _("The report is not kept any more. The history says what was done."),
            )
            return self._console.tell(said, visit.at(PAGE))
        if "json" in visit.request.query:
            at = f"{report.at:%Y-%m-%d-%H%M}"
            return web.json_response(
                report.as_json(visit.tenant.record_page),
                headers={"Content-Disposition": f'attachment; filename="erased-{at}.json"'},
            )
        return self._console.page(
            visit, "console/settings/erase.html", PAGE, report=report, kept=report.kept, name=name, names=counted(_),
            link=visit.tenant.record_page, shown=_SHOWN, subject="", person=None,
        )  # fmt: skip

    async def _let_back(self, visit: Visit) -> web.Response:
        _, subject = visit.translate, visit.text("back_subject")[:_LONGEST]
        try:
            keys = await let_back(visit.tenant, subject, doer=visit.who)
        except Misconfigured:
            return await self._not_one(visit, "back_subject", subject)
        if not keys:
            said = Said("attention", _("Not done"), _("Nobody with this number or address was erased."))
            return self._console.tell(said, visit.at(PAGE))
        text = _("New events and changes of theirs are carried over again.")
        return self._console.tell(done(_("They may come back."), _, text), visit.at(PAGE))

    async def _not_one(self, visit: Visit, place: str, subject: str) -> web.Response:
        _, form = visit.translate, Form.of(visit.tenant.settings)
        form.errors[place] = _("Write one whole telephone number, or one e‑mail address.")
        form.subject, form.back = (subject, "") if place == "subject" else ("", subject)
        return await self._page(visit, form, status=422)

    # the file for whoever looks for a mistake

    async def _diagnose(self, visit: Visit) -> web.Response:
        await visit.tenant.audit.note(visit.who, "diagnostics")
        body = await self._diagnosis.bundle(visit.tenant)
        name = f"connector-{visit.tenant.id}-{self._console.clock.now():%Y-%m-%d-%H%M}.zip"
        headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
        return web.Response(body=body, content_type="application/zip", headers=headers)

    async def _page(self, visit: Visit, form: Form, *, status: int = 200) -> web.Response:
        return self._console.page(
            visit, "console/settings/privacy.html", PAGE, status=status, form=form,
            settings=visit.tenant.settings, erasures=await visit.tenant.suppressed.erasures(),
        )  # fmt: skip


def counted(_: Translate) -> Mapping[str, str]:
    """What is kept of a person, by the names that counts have."""
    return {
        "events": _("Events"),
        "contents of events": _("Of these with contents"),
        "keys by which events wait": _("Numbers and addresses by which events wait"),
        "keys in the index": _("Numbers and addresses by which they are found"),
        "pairs": _("Pairs of customer and person"),
        "overwritten values": _("Values that were overwritten, kept for an undo"),
        "records to be looked at": _("Changes that wait"),
        "records being made": _("Records being made"),
        "cases to be decided": _("Cases and decisions"),
        "calls that agents saw": _("Calls that agents saw as they went on"),
        "records of a first load": _("Records read by a first load"),
        "webhooks worked on": _("Webhooks of the last days, of all customers"),
    }
