"""Customers and companies: how both sides stand, what needs a person, and the list of pairs; ids only, read from the store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from aiohttp import web

from connector.flows.contacts.kinds import KINDS
from connector.flows.contacts.marking import in_step
from connector.flows.contacts.working import BUTTON, paused
from connector.flows.tenant import Tenant
from connector.i18n import Translate
from connector.phone import normalise_email
from connector.store.bindings import COMPANY, CUSTOMER, Bond, Bound
from connector.store.dirty import Mark, Marked, Side, Urgency
from connector.store.index import Entity
from connector.store.pair_lists import LACKING, Listed, PairLists
from connector.web.console.customers import words
from connector.web.console.customers.record_names import WHAT
from connector.web.console.desk import PATH, Console, Soon, Visit
from connector.web.console.words import done
from connector.web.notes import Said

CUSTOMERS = "/customers"
_PAGE = 50
_FAILING = 50
_MOST_AGAIN = 500
_STATES = (Bond.BOUND, Bond.ALIAS, Bond.GONE, LACKING)


@dataclass(frozen=True, slots=True)
class Line:
    """A pair as the list shows it; `problems` are fields that are not carried over, each with its reason."""

    key: str
    href: str
    there: str
    there_page: str
    here: str
    here_page: str
    state: str
    word: str
    problems: Sequence[tuple[str, str, str]]
    in_step: str


@dataclass(frozen=True, slots=True)
class Failing:
    """A record that could not be kept in step; `what` and `record` name it in a form."""

    name: str
    what: str
    record: str
    page: str
    since: str
    tries: str
    reason: str
    detail: str


class CustomerPages:
    """The list of pairs."""

    def __init__(self, console: Console, lists: PairLists, soon: Soon) -> None:
        """`soon` has the marks of an installation worked on."""
        self._console, self._lists, self._soon = console, lists, soon

    def routes(self) -> web.RouteTableDef:
        """The list, the search in it, and another try of all that fails."""
        table, serve = web.RouteTableDef(), self._console.serve
        table.get(PATH + CUSTOMERS)(serve(self.show))
        table.post(PATH + CUSTOMERS + "/find")(serve(self.find))
        table.post(PATH + CUSTOMERS + "/again")(serve(self.try_again))
        return table

    async def show(self, visit: Visit) -> web.StreamResponse:
        """How both sides stand, and a page of the list as the address asks for it."""
        query = visit.request.query
        kind = query.get("kind", "") if query.get("kind") in KINDS else CUSTOMER
        state = query.get("state", "") if query.get("state") in _STATES else ""
        rows = await self._lists.listed(
            visit.tenant.id, kind, state=Bond(state) if state not in ("", LACKING) else None,
            lacking=state == LACKING, after=query.get("after", "")[:200], limit=_PAGE + 1,
        )  # fmt: skip
        lines = [line(row, visit) for row in rows[:_PAGE]]
        after = rows[_PAGE - 1].centre_id if len(rows) > _PAGE else None
        return await self._page(visit, lines, kind=kind, state=state, after=after)

    async def find(self, visit: Visit) -> web.StreamResponse:
        """The pairs of an id, a number or an e-mail address; it goes into no address, for that is written down."""
        sought = visit.text("sought")[:200]
        found = await find_pairs(visit.tenant, sought) if sought else []
        if len(found) == 1:
            raise web.HTTPSeeOther(pair_page(visit, found[0].entity, found[0].centre_id))
        lines = [line(one, visit) for one in found[:_PAGE]]
        return await self._page(visit, lines, sought=sought)

    async def try_again(self, visit: Visit) -> web.StreamResponse:
        """Have everything that fails worked on once more."""
        _, tenant = visit.translate, visit.tenant
        failing = await tenant.dirty.failing(_MOST_AGAIN)
        marks = [Mark(one.entity, one.side, one.record_id) for one in failing]
        if not in_step(tenant):
            said = Said(
                "attention",
                _("Not done"),
                _("Customers and companies are not kept in step."),
                _("Switch it on first."),
            )
            return self._console.tell(said, visit.at("customers"))
        number = await tenant.dirty.mark(marks, urgency=Urgency.BUTTON, cause=BUTTON)
        await tenant.audit.note(visit.who, "retry", records=number)
        self._soon(tenant)
        said = done(_("Tried again: %(count)s.") % {"count": visit.show.number(number)}, _)
        return self._console.tell(said, visit.at("customers"))

    async def _page(
        self, visit: Visit, lines: Sequence[Line], *, kind: str = CUSTOMER, state: str = "",
        after: str | None = None, sought: str | None = None,
    ) -> web.StreamResponse:  # fmt: skip
        tenant, _ = visit.tenant, visit.translate
        waiting, failed = await tenant.dirty.sizes()
        failing = await tenant.dirty.failing(_FAILING) if failed else []
        questions = await tenant.questions.counts()
        stopped = await paused(tenant)
        return self._console.page(
            visit, "console/customers/overview.html", "customers",
            head=_head(tenant, failed, stopped, _), sizes=await self._lists.sizes(tenant.id), waiting=waiting - failed,
            failed=failed, failing=[_failing(one, visit) for one in failing], lines=lines,
            asked=sum(number for kind, number in questions.items() if kind != "subject"),
            kinds=words.kinds(_), kind=kind, state=state, states=_states(_), after=after, sought=sought,
            beyond=visit.request.query.get("after", ""),
        )  # fmt: skip


def line(row: Listed | Bound, visit: Visit) -> Line:
    """A pair in words, with links to the pages of both sides."""
    _, tenant, kind = visit.translate, visit.tenant, KINDS[row.entity]
    state, word = words.bonds(_)[row.state]
    names = words.records(_)
    problems = [(words.row(one["field"], _), *words.reason(one["reason"], _)) for one in row.problems]
    return Line(
        row.centre_id, pair_page(visit, row.entity, row.centre_id),
        names[row.entity, Side.CENTRE] % {"id": short(tenant, row.centre_id)}, card_page(tenant, row),
        names[row.entity, Side.PIPEDRIVE] % {"id": row.crm_id}, tenant.record_page(kind.crm, row.crm_id),
        state, word, problems, visit.show.ago(row.in_step_at, tenant.clock.now()),
    )  # fmt: skip


def pair_page(visit: Visit, entity: str, key: str) -> str:
    """The address of the page of one pair."""
    return visit.at(f"customers/{entity}/{key}")


def card_page(tenant: Tenant, row: Listed | Bound) -> str:
    """The page of a record in the contact centre; empty where the settings name none."""
    template = tenant.settings.links.customer
    key = row.centre_id if row.entity == CUSTOMER else row.card_id
    return template.replace("{id}", key.rpartition("/")[2]) if template and key else ""


def short(tenant: Tenant, key: str) -> str:
    """A key without its contact centre where there is only one."""
    return key.rpartition("/")[2] if len(tenant.centres) < 2 else key


async def find_pairs(tenant: Tenant, sought: str) -> list[Bound]:
    """The pairs that an id of either side names, or a number or e-mail address by its keyed hash."""
    named = [sought, *(f"{centre}/{sought}" for centre in tenant.centres)]
    subjects = [*tenant.phones.keys(sought), *([email] if (email := normalise_email(sought)) else [])]
    hashed = [tenant.ledger.keys.key(subject) for subject in subjects]
    found: dict[tuple[str, str], Bound] = {}
    for entity, there, here in (
        (CUSTOMER, Entity.CUSTOMER, Entity.PERSON),
        (COMPANY, Entity.COMPANY, Entity.ORGANIZATION),
    ):
        keys = [*named, *(one.person_id for some in (await tenant.index.candidates(hashed, there)).values() for one in some)]  # fmt: skip
        ids = [sought, *(one.person_id for some in (await tenant.index.candidates(hashed, here)).values() for one in some)]  # fmt: skip
        of_crm = await tenant.bindings.of_crm(entity, ids)
        met = [*(await tenant.bindings.of_centre(entity, keys)).values(), *(one for some in of_crm.values() for one in some)]  # fmt: skip
        found |= {(one.entity, one.centre_id): one for one in met}
    return list(found.values())


def _failing(one: Marked, visit: Visit) -> Failing:
    _, tenant, kind = visit.translate, visit.tenant, KINDS[one.entity]
    why, detail = words.reason(one.reason, _)
    what = next(name for name, meant in WHAT.items() if meant == (kind, one.side))
    here = one.side is Side.PIPEDRIVE
    key = one.record_id if here else short(tenant, one.record_id)
    page = (
        tenant.record_page(kind.crm, one.record_id) if here else pair_page(visit, one.entity, one.record_id)
    )
    return Failing(
        words.records(_)[one.entity, one.side] % {"id": key}, what, one.record_id, page,
        visit.show.ago(one.marked_at, tenant.clock.now()), visit.show.number(one.attempts), why, detail,
    )  # fmt: skip


def _head(tenant: Tenant, failed: int, stopped: Sequence[str], _: Translate) -> tuple[str, str, str]:
    """The state, its word and the sentence that comes first."""
    if not in_step(tenant):
        return "attention", _("Switched off"), _("Customers and companies are not kept in step.")
    if stopped:
        return (
            "attention",
            _("Paused"),
            _("More than is usual was to be written. Look at it and let it go on."),
        )
    if failed:
        return (
            "broken",
            _("Needs you"),
            _("Records that cannot be kept in step: %(count)s.") % {"count": failed},
        )
    return "good", _("In step"), _("Customers and companies are kept in step on both sides.")


def _states(_: Translate) -> list[tuple[str, str]]:
    bonds = words.bonds(_)
    return [
        ("", _("All")), *((str(bond), word) for bond, (_look, word) in bonds.items()), (LACKING, _("A field is not carried over")),
    ]  # fmt: skip
