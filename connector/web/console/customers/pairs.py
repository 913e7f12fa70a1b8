"""One pair: both sides as they are now, what was written on it, and what a person can do with it; and the push of any record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from aiohttp import web

from connector.errors import ConnectorError, Misconfigured
from connector.flows.contacts.kinds import KINDS, Kind
from connector.flows.contacts.parting import forget_pair
from connector.flows.contacts.pushing import GOOD, Outcome, Pushed, prepared, push
from connector.flows.contacts.side_by_side import TOKENS, Compared, SideBySide, side_by_side
from connector.flows.tenant import Tenant
from connector.i18n import Translate
from connector.pipedrive.records import Field
from connector.store.bindings import Bond, Bound
from connector.store.changes import Written
from connector.store.dirty import Mark, Side
from connector.store.pair_lists import MOST_EVENTS, PairLists
from connector.web.console.customers import words
from connector.web.console.customers.overview import CUSTOMERS, card_page, pair_page, short
from connector.web.console.customers.record_names import WHAT, record_named
from connector.web.console.desk import PATH, Console, Visit
from connector.web.console.masking import masked
from connector.web.console.settings.field_words import field_word
from connector.web.console.words import done, explain

ONE = CUSTOMERS + "/{entity}/{key:.+}"
_PUSH = CUSTOMERS + "/push"
_HISTORY = 50
#: Characters of the code of a custom field.
_CODE = 40


@dataclass(frozen=True, slots=True)
class Row:
    """A field of a pair in words."""

    there: str
    here: str
    name_there: str
    name_here: str
    state: str
    since: str
    next: str
    reason: str
    detail: str


class PairPages:
    """The page of one pair, and the page that pushes any record."""

    def __init__(self, console: Console, lists: PairLists) -> None:
        """Pushes are noted as runs of the console's operations."""
        self._console, self._lists = console, lists

    def routes(self) -> web.RouteTableDef:
        """These pages and their forms."""
        table, serve = web.RouteTableDef(), self._console.serve
        table.get(PATH + _PUSH)(serve(self.ask))
        table.post(PATH + _PUSH)(serve(self.push_named))
        table.get(PATH + ONE)(serve(self.show))
        table.post(PATH + ONE)(serve(self.act))
        return table

    # push

    async def ask(self, visit: Visit) -> web.StreamResponse:
        """Which record is to be pushed."""
        return self._push_page(visit, what="customer", record="")

    async def push_named(self, visit: Visit) -> web.StreamResponse:
        """Push the record that was named, and say what came of it."""
        _, what, text = visit.translate, visit.text("what"), visit.text("record")[:500]
        try:
            kind, side, record_id = record_named(visit.tenant, text, what, _)
        except Misconfigured as error:
            return self._push_page(visit, what=what, record=text, error=str(error), status=422)
        pushed = await self._push(visit, kind, side, record_id)
        name = words.records(_)[kind.entity, side] % {"id": short(visit.tenant, record_id)}
        said = words.came_of(pushed, name, _)
        if len(pushed.pairs) == 1:
            return self._console.tell(said, pair_page(visit, kind.entity, pushed.pairs[0].centre_id))
        asked = pushed.outcome is Outcome.ASKED
        return self._console.tell(said, visit.at("undecided" if asked else "customers/push"))

    async def _push(self, visit: Visit, kind: Kind, side: Side, record_id: str) -> Pushed:
        await prepared(visit.tenant, self._console.installations)
        tenant = await self._console.find(visit.tenant.id)
        pushed = await push(tenant, self._console.operations, kind, side, record_id)
        await tenant.audit.note(
            visit.who, "push", entity=kind.entity, side=side, record=record_id, outcome=pushed.outcome,
            done=pushed.outcome in GOOD,
        )  # fmt: skip
        return pushed

    def _push_page(
        self, visit: Visit, *, what: str, record: str, error: str = "", status: int = 200
    ) -> web.StreamResponse:
        _ = visit.translate
        named = {
            "customer": _("Customer in the contact centre"), "company": _("Company in the contact centre"),
            "person": _("Person in Pipedrive"), "organization": _("Organization in Pipedrive"),
        }  # fmt: skip
        return self._console.page(
            visit, "console/customers/push.html", "customers/push", status=status, choices=[(one, named[one]) for one in WHAT],
            what=what, record=record, error=error,
        )  # fmt: skip

    # one pair

    async def show(self, visit: Visit) -> web.StreamResponse:
        """The pair with its personal data hidden."""
        return await self._page(visit, await self._bound(visit))

    async def act(self, visit: Visit) -> web.StreamResponse:
        """Show the values, push the pair, or forget it once that was confirmed."""
        _, tenant, bound = visit.translate, visit.tenant, await self._bound(visit)
        act, kind = visit.text("act"), KINDS[bound.entity]
        if act == "show":
            await tenant.audit.note(visit.who, "reveal", entity=bound.entity, pair=bound.centre_id)
            return await self._page(visit, bound, reveal=True)
        if act == "push":
            pushed = await self._push(visit, kind, Side.CENTRE, bound.centre_id)
            name = words.records(_)[bound.entity, Side.CENTRE] % {"id": short(tenant, bound.centre_id)}
            return self._console.tell(words.came_of(pushed, name, _), _still(visit, bound, pushed))
        if act == "forget" and "sure" in visit.form:
            again = await forget_pair(tenant, bound)
            await tenant.audit.note(
                visit.who, "forget", entity=bound.entity, pair=bound.centre_id, crm=bound.crm_id
            )
            text = _("Events decided anew: %(count)s.") % {"count": visit.show.number(again)}
            return self._console.tell(done(_("The pair is forgotten."), _, text), visit.at("customers"))
        return await self._page(visit, bound, confirming=act == "forget")

    async def _bound(self, visit: Visit) -> Bound:
        entity, key = visit.request.match_info["entity"], visit.request.match_info["key"]
        known = await visit.tenant.bindings.of_centre(entity, [key]) if entity in KINDS else {}
        if (bound := known.get(key)) is None:
            raise web.HTTPNotFound
        return bound

    async def _page(
        self, visit: Visit, bound: Bound, *, reveal: bool = False, confirming: bool = False
    ) -> web.StreamResponse:
        tenant, _ = visit.tenant, visit.translate
        both, trouble = SideBySide("", ""), None
        try:
            both = await side_by_side(tenant, KINDS[bound.entity], bound)
        except ConnectorError as error:
            trouble = explain(error, _)
        history = await tenant.changes.of_pair(
            bound.entity, bound.centre_id, with_values=reveal, limit=_HISTORY
        )
        customer = (bound.centre_id if bound.entity == "customer" else bound.card_id or "").rpartition("/")[2]
        events = await self._lists.events_of(tenant.id, customer) if customer else 0
        fields = tenant.contacts.fields.get(KINDS[bound.entity].crm, (None, []))[1]
        names, state = words.records(_), words.bonds(_)[bound.state]
        return self._console.page(
            visit, "console/customers/pair.html", "customers", bound=bound, here=pair_page(visit, bound.entity, bound.centre_id),
            there=names[bound.entity, Side.CENTRE] % {"id": short(tenant, bound.centre_id)}, there_page=card_page(tenant, bound),
            this=names[bound.entity, Side.PIPEDRIVE] % {"id": bound.crm_id},
            this_page=tenant.record_page(KINDS[bound.entity].crm, bound.crm_id), state=state, is_bound=bound.state is Bond.BOUND,
            name=_hide(both.centre_name or both.crm_name or "", reveal=reveal), both=both, trouble=trouble,
            rows=[_row(one, fields, _, reveal=reveal) for one in both.fields], reveal=reveal, confirming=confirming,
            problems=[(words.row(one["field"], _), *words.reason(one["reason"], _)) for one in bound.problems],
            failing=[words.reason(one, _) for one in await _failures(tenant, bound)],
            history=[_written(one, fields, visit) for one in history], events=events, most_events=MOST_EVENTS,
            customer=customer, tokens=TOKENS,
        )  # fmt: skip


def _still(visit: Visit, bound: Bound, pushed: Pushed) -> str:
    """Where what came of a push is said: on the pair's page, as long as there is one."""
    keys = [one.centre_id for one in pushed.pairs]
    kept = bound.centre_id in keys or not keys
    return pair_page(visit, bound.entity, bound.centre_id if kept else keys[0])


async def _failures(tenant: Tenant, bound: Bound) -> list[str]:
    """Why either record could not be kept in step the last time."""
    marks = (
        Mark(bound.entity, Side.CENTRE, bound.centre_id),
        Mark(bound.entity, Side.PIPEDRIVE, bound.crm_id),
    )
    found = [await tenant.dirty.find(mark) for mark in marks]
    return [one.reason for one in found if one is not None and one.reason]


def _row(one: Compared, fields: Sequence[Field], _: Translate, *, reveal: bool) -> Row:
    state, since = words.since(_)[one.since]
    why, detail = words.reason(one.reason, _) if one.reason else ("", "")
    there, here = (_hide(", ".join(held), reveal=reveal) for held in (one.centre, one.crm))
    return Row(
        there, here, field_word(one.rule.centre, _), field_word(one.rule.pipedrive, _, fields), state, since,
        words.nexts(_)[one.next], why, detail,
    )  # fmt: skip


def _hide(text: str, *, reveal: bool) -> str:
    return text if reveal else masked(text)


def _written(one: Written, fields: Sequence[Field], visit: Visit) -> dict[str, object]:
    """A write in words, with the values before and after where they were unsealed."""
    _ = visit.translate
    what = {"create": _("made"), "update": _("changed")}.get(one.kind, one.kind)
    values: list[tuple[str, str, str]] = []
    if one.before is not None and one.after is not None:
        before, after = _flat(one.before), _flat(one.after)
        values = [
            (_word(name, fields, visit), before.get(name, ""), after.get(name, ""))
            for name in dict.fromkeys([*before, *after])
        ]
    return {
        "at": visit.show.time(one.at), "run": one.run_id, "side": words.sides(_).get(one.side, one.side), "what": what,
        "cause": words.cause(one.cause, _), "undone": one.undone_at and visit.show.time(one.undone_at), "values": values,
    }  # fmt: skip


def _flat(values: Mapping[str, object]) -> dict[str, str]:
    custom = values.get("custom_fields")
    rest = {name: _text(value) for name, value in values.items() if name != "custom_fields"}
    return rest | (
        {str(name): _text(value) for name, value in custom.items()} if isinstance(custom, dict) else {}
    )


def _text(value: object) -> str:
    if isinstance(value, dict):
        return str(value.get("value", ""))
    if isinstance(value, list | tuple):
        return ", ".join(map(_text, value))
    return "" if value is None else str(value)


def _word(name: str, fields: Sequence[Field], visit: Visit) -> str:
    """What a field is called that we wrote: ours by what they hold, others as on the screens."""
    _, own = visit.translate, visit.tenant.settings.special_fields
    known = {
        own.person_centre_id: _("Contact centre ID"), own.organization_centre_id: _("Contact centre ID"),
        own.person_centre_link: _("Contact centre card"), own.organization_centre_link: _("Contact centre card"),
        "first_name": _("First name"), "last_name": _("Last name"), "org_id": _("Organization"), "owner_id": _("Owner"),
    }  # fmt: skip
    if name in known:
        return known[name]
    is_code = len(name) == _CODE
    return field_word(f"custom:{name}" if is_code else name.removeprefix("custom:"), _, fields)
