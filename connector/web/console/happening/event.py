"""One event: what came in, how it was decided, what was sent, what came back, and trying it again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from aiohttp import web

from connector.errors import NotFound
from connector.flows.explaining import (
    LOOK_TOKENS,
    SEND_TOKENS,
    Explained,
    explain,
)
from connector.flows.rendering import seconds_between
from connector.flows.rules import Rule, agent_of
from connector.flows.tenant import Tenant
from connector.i18n import Translate
from connector.pipedrive.budget import Lane
from connector.pipedrive.operations import price
from connector.pipedrive.records import Activity
from connector.records import Call, Chat, Event
from connector.store.entries import UNSEEN, State
from connector.store.events import Events, Looked
from connector.text import html_to_text
from connector.web.console.desk import PATH, Console, Soon, Visit
from connector.web.console.happening import event_words as words
from connector.web.console.happening.events import EVENTS
from connector.web.console.masking import masked
from connector.web.console.words import done
from connector.web.notes import Said

ONE = EVENTS + "/{event:[0-9]{1,18}}"
READ_TOKENS = price("GET", "/api/v2/activities/{id}")


@dataclass(frozen=True, slots=True)
class Fact:
    """A line of the page; `link` leads to the record it names, `note` explains it."""

    name: str
    value: str
    link: str = ""
    note: str = ""


class EventPage:
    """The page of each event."""

    def __init__(self, console: Console, soon: Soon) -> None:
        """`soon` writes what is tried again."""
        self._console, self._soon = console, soon

    def routes(self) -> web.RouteTableDef:
        """The page and its forms."""
        table, serve = web.RouteTableDef(), self._console.serve
        table.get(PATH + ONE)(serve(self.show_event))
        table.post(PATH + ONE + "/show")(serve(self.reveal))
        table.post(PATH + ONE + "/retry")(serve(self.retry))
        return table

    async def show_event(self, visit: Visit) -> web.StreamResponse:
        """The event with its personal data masked; calls no vendor."""
        looked = await self._looked(visit)
        return self._page(visit, await explain(visit.tenant, looked, at_hand=True), reveal=False)

    async def reveal(self, visit: Visit) -> web.StreamResponse:
        """The same unmasked, which is noted; on request also the activity as it is now, and the agent's words."""
        looked = await self._looked(visit)
        await visit.tenant.audit.note(visit.who, "reveal", event=looked.entry.id)
        if visit.text("act") != "read":
            return self._page(visit, await explain(visit.tenant, looked, at_hand=True), reveal=True)
        explained = await explain(visit.tenant, looked, at_hand=False)
        now, said = None, None
        if (crm_id := looked.entry.crm_id) is not None:
            try:
                now = await visit.tenant.pipedrive.on(Lane.POP).activity(crm_id)
            except NotFound:
                _ = visit.translate
                said = Said(
                    "attention", _("Look at this"), _("Pipedrive has this activity no more, or the user of the sync may not see it.")
                )  # fmt: skip
        return self._page(visit, explained, reveal=True, now=now, said=said, has_read=True)

    async def retry(self, visit: Visit) -> web.StreamResponse:
        """Try it again; what may be in Pipedrive already only if somebody says that it is not."""
        _, looked = visit.translate, await self._looked(visit)
        here = visit.at(f"events/{looked.entry.id}")
        if looked.reason == UNSEEN and looked.entry.state is State.PARKED and "looked" not in visit.form:
            said = Said(
                "attention", _("Not done"), _("It may be in Pipedrive already, and would then be there twice."),
                _("Look for it there, then tick the box and press again."),
            )  # fmt: skip
            return self._console.tell(said, here)
        if not await visit.tenant.ledger.retry_parked([looked.entry.id]):
            said = Said("attention", _("Not done"), _("It cannot be tried again as it stands now."))
            return self._console.tell(said, here)
        await visit.tenant.audit.note(visit.who, "retry", event=looked.entry.id)
        self._soon(visit.tenant)
        return self._console.tell(
            done(_("It is tried again."), _, _("Load this page again in a moment.")), here
        )

    async def _looked(self, visit: Visit) -> Looked:
        looked = await Events(visit.tenant.ledger).one(int(visit.request.match_info["event"]))
        if looked is None:
            raise web.HTTPNotFound
        return looked

    def _page(
        self, visit: Visit, explained: Explained, *, reveal: bool, now: Activity | None = None,
        said: Said | None = None, has_read: bool = False,
    ) -> web.StreamResponse:  # fmt: skip
        looked, _ = explained.looked, visit.translate
        entry = looked.entry
        state, word = words.states(_)[entry.state]
        draft = explained.draft
        can_retry = entry.state is State.PARKED and not looked.is_purged
        return self._console.page(
            visit, "console/happening/event.html", "events", said=said, looked=looked, reveal=reveal, state=state, word=word,
            what=words.what(entry.kind, entry.event, _), why=words.why(looked, _),
            came_in=[] if entry.event is None else _came_in(entry.event, visit, entry.connection, reveal=reveal),
            decided=_decided(explained, visit), explained=explained,
            subject="" if draft is None else _subject(draft.subject, reveal=reveal),
            body=[] if draft is None else body_lines(draft.note, reveal=reveal),
            held=now, held_body=[] if now is None else _lines(now.note or ""), has_read=has_read,
            activity=visit.tenant.record_page("activity", entry.crm_id) if entry.crm_id else "",
            times=_times(explained, visit), can_retry=can_retry, unsure=can_retry and looked.reason == UNSEEN,
            type_now=_type(visit.tenant, explained.type_now or "") or _("left out"), send_tokens=SEND_TOKENS, look_tokens=LOOK_TOKENS, read_tokens=READ_TOKENS,
        )  # fmt: skip


def body_lines(note: str, *, reveal: bool) -> list[str]:
    """Lines of an activity of ours; masked they keep labels, the link and the marker, which alone are marked up."""
    lines: list[str] = []
    for part in note.split("<br>"):
        label, bold, rest = part.partition("</b>") if part.startswith("<b>") else ("", "", part)
        is_ours = part.startswith(("<a ", "<small>"))
        said = html_to_text(rest)
        shown = said if reveal or is_ours else masked(said)
        lines.append(f"{html_to_text(label + bold)} {shown}".strip())
    return [line for line in lines if line]


def _lines(note: str) -> list[str]:
    return [line for line in html_to_text(note).splitlines() if line.strip()]


def _subject(text: str, *, reveal: bool) -> str:
    """The subject of an activity of ours; masked it keeps what kind of event it is."""
    kind, colon, about = text.partition(": ")
    return text if reveal else kind + colon + masked(about)


def _came_in(event: Event, visit: Visit, connection: str, *, reveal: bool) -> list[Fact]:
    _, show = visit.translate, visit.show

    def hidden(text: str | None) -> str:
        return (text or "") if reveal else masked(text or "")

    login = agent_of(event)
    known = visit.tenant.directory.people.agents.get((connection, login or ""))
    agent = Fact(_("Agent"), known.name if known is not None else login or "")
    if isinstance(event, Call):
        facts = [
            Fact(_("Number"), hidden(event.customer_number)), agent,
            Fact(_("Talk time"), show.lasting(event.talk_s) if event.talk_s else ""),
            Fact(_("Queue or campaign"), event.campaign or event.queue_id or ""),
            Fact(_("Topic"), hidden(event.topic)), Fact(_("Note"), hidden(event.note)),
            Fact(_("Customer id"), event.customer_id or ""),
        ]  # fmt: skip
    elif isinstance(event, Chat):
        lasted = seconds_between(event.started_at, event.ended_at) if event.ended_at else 0
        facts = [
            Fact(_("Customer"), hidden(event.client_name)), Fact(_("E‑mail address"), hidden(event.client_email)), agent,
            Fact(_("Source"), words.source(event.source, _)), Fact(_("Duration"), show.lasting(lasted) if lasted else ""),
            Fact(_("Queue"), event.queue_id or ""), Fact(_("Topic"), hidden(event.topic)),
            Fact(_("Text"), hidden(event.text)), Fact(_("Customer id"), event.customer_id or ""),
        ]  # fmt: skip
    else:
        ticket = event.ticket
        facts = [
            Fact(_("Sender"), hidden(event.sender or ticket.requester)), agent, Fact(_("Ticket"), ticket.id),
            Fact(_("Source"), words.source(ticket.source, _)), Fact(_("Queue"), ticket.queue_name or ticket.queue_id or ""),
            Fact(_("Subject"), hidden(ticket.subject)), Fact(_("Text"), hidden(event.text)),
            Fact(_("Customer id"), ticket.customer_id or ""),
        ]  # fmt: skip
    return [fact for fact in facts if fact.value]


def _decided(explained: Explained, visit: Visit) -> list[Fact]:
    """How it was decided: whose it is, its type, its owner and its deal."""
    _, kept, tenant = visit.translate, explained.decided, visit.tenant

    def page(kind: str, name: str) -> str:
        return tenant.record_page(kind, str(kept[name])) if kept.get(name) else ""

    facts = []
    how = words.matched_by(_).get(str(kept.get("matched")), str(kept.get("matched") or ""))
    if kept.get("person"):
        facts.append(Fact(_("Person"), str(kept["person"]), page("person", "person"), how))
    if kept.get("organization"):
        note = "" if kept.get("person") else how
        facts.append(
            Fact(_("Organization"), str(kept["organization"]), page("organization", "organization"), note)
        )
    if kept.get("lead"):
        note = "" if kept.get("person") or kept.get("organization") else how
        facts.append(Fact(_("Lead"), str(kept["lead"]), page("leads/inbox", "lead"), note))
    candidates = kept.get("candidates")
    for one in candidates[:10] if isinstance(candidates, list) else ():
        facts.append(Fact(_("Could be"), str(one), tenant.record_page("person", str(one))))  # noqa: PERF401
    if kept.get("type"):
        kind = _type(tenant, str(kept["type"]))
        facts.append(Fact(_("Activity type"), kind, note=_rule(kept.get("rule"), _)))
    elif explained.rule_now is not None and explained.type_now is not None:
        kind = _type(tenant, explained.type_now)
        facts.append(Fact(_("Activity type"), kind, note=_rule(explained.rule_now, _)))
    if kept.get("owner"):
        users = {user: email for email, user in tenant.directory.people.users_by_email.items()}
        owner = str(kept["owner"])
        by = words.owned_by(_).get(str(kept.get("owner_by")), "")
        facts.append(Fact(_("Owner"), users.get(owner, owner), note=by))
    if "deal" in kept:
        deal = kept["deal"]
        facts.append(
            Fact(_("Deal"), str(deal) if deal else _("none"), page("deal", "deal"), words.dealt(kept, _))
        )
    if kept.get("settings"):
        facts.append(Fact(_("Settings"), _("version %(number)s") % {"number": kept["settings"]}))
    return facts


def _type(tenant: Tenant, key: str) -> str:
    """What Pipedrive calls an activity type, as far as types were read."""
    return next((kind.name for kind in tenant.directory.types if kind.key == key), key)


def _rule(rule: object, _: Translate) -> str:
    try:
        return words.ruled_by(_)[Rule(str(rule))]
    except ValueError:
        return ""


def _times(explained: Explained, visit: Visit) -> list[tuple[str, str, str]]:
    _, show = visit.translate, visit.show
    entry = explained.looked.entry
    known = {
        "happened": _("It happened in the contact centre"), "read": _("It was read"),
        "sent first": _("It was sent to Pipedrive"), "sent last": _("It was sent again"),
        "settled": _("Pipedrive has it") if entry.crm_id else _("It was put aside"),
        "next try": _("Next look or try"), "next topic": _("The agent’s topic is asked for again"),
        "next look": _("Doubles are looked for"),
    }  # fmt: skip

    def when(at: datetime) -> str:
        return f"{show.time(at)} · {show.ago(at, visit.tenant.clock.now())}"

    return [(when(at), known[code], "") for at, code in explained.times]
