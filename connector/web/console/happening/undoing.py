"""The activities of one run taken back, or written again: what there is of them, what it costs, and the order."""

from __future__ import annotations

from typing import Protocol

from aiohttp import web

from connector.errors import Misconfigured
from connector.flows.previewing import ACTIVITY_TOKENS
from connector.flows.tenant import Tenant
from connector.flows.undoing import (
    EDITED,
    OF_ANOTHER,
    OUT_OF_SIGHT,
    STILL_HEALING,
    UNANSWERED,
    Undoable,
    Withdrawn,
    undoable,
    write_again,
)
from connector.i18n import Translate
from connector.store.audit import Doer
from connector.web.console.desk import PATH, Console, Visit
from connector.web.console.words import done
from connector.web.notes import Said

ONE = "/runs/{run:[0-9]{1,18}}/activities"


class Work(Protocol):
    """What the service does in the background."""

    def withdraw(self, tenant: Tenant, run_id: int, doer: Doer) -> bool:
        """Begin to take back the activities of a run; False while that is under way."""

    def withdrawal(self, installation_id: str, run_id: int) -> Withdrawn | None:
        """How far that is."""


def routes(console: Console, work: Work) -> web.RouteTableDef:
    """The page and its forms."""
    pages = UndoPages(console, work)
    table = web.RouteTableDef()
    table.get(PATH + ONE)(console.serve(pages.show))
    table.post(PATH + ONE)(console.serve(pages.take_back))
    table.post(PATH + ONE + "/again")(console.serve(pages.write_again))
    return table


class UndoPages:
    """What a run wrote in Pipedrive, and its way back."""

    def __init__(self, console: Console, work: Work) -> None:
        """`work` takes back in the background."""
        self._console, self._work = console, work

    async def show(self, visit: Visit) -> web.StreamResponse:
        """What stands of a run, what taking it back costs, and how far that is."""
        run_id = _run(visit)
        found, problem = await _undoable(visit.tenant, run_id)
        withdrawn = self._work.withdrawal(visit.tenant.id, run_id)
        left = [] if withdrawn is None else [
            (_reason(reason, visit.translate), count) for reason, count in withdrawn.left.most_common()
        ]  # fmt: skip
        return self._console.page(
            visit, "console/happening/undo.html", "runs", run=run_id, found=found, problem=problem, withdrawn=withdrawn,
            left=left, again_tokens=0 if found is None else found.taken_back * ACTIVITY_TOKENS,
        )  # fmt: skip

    async def take_back(self, visit: Visit) -> web.StreamResponse:
        """Begin to take a run's activities back, if they are still those that the page has said."""
        _, run_id = visit.translate, _run(visit)
        found = await undoable(visit.tenant, run_id)
        where = visit.at(f"runs/{run_id}/activities")
        if not found.activities:
            raise Misconfigured(_("There is nothing of this run that can be taken back any more."))
        if visit.text("activities") != str(found.activities):
            raise Misconfigured(_("There are more or fewer than the page said. Look at it again, then press once more."))  # fmt: skip
        if not self._work.withdraw(visit.tenant, run_id, visit.who):
            said = Said("busy", _("Under way"), _("The run is being taken back already."), "")
            return self._console.tell(said, where)
        return self._console.tell(done(_("The activities are being taken back."), _), where)

    async def write_again(self, visit: Visit) -> web.StreamResponse:
        """Have what was taken back decided anew by the next run."""
        _, run_id = visit.translate, _run(visit)
        again = await write_again(visit.tenant, run_id, visit.who)
        said = done(
            _("The next run writes them by today’s rules."), _, _("Events: %(count)s.") % {"count": again}
        )
        return self._console.tell(said, visit.at(f"runs/{run_id}/activities"))


async def _undoable(tenant: Tenant, run_id: int) -> tuple[Undoable | None, str]:
    try:
        return await undoable(tenant, run_id), ""
    except Misconfigured as error:
        return None, str(error)


def _run(visit: Visit) -> int:
    return int(visit.request.match_info["run"])


def _reason(reason: str, _: Translate) -> str:
    known = {
        EDITED: _("Edited since by somebody"),
        OF_ANOTHER: _("Made by another user"),
        OUT_OF_SIGHT: _("Not to be seen by the user of the sync"),
        STILL_HEALING: _("Sent more than once; a double is still looked for. Try again in a day."),
        UNANSWERED: _("No answer came. Take it back once more."),
    }
    return known.get(reason, reason)
