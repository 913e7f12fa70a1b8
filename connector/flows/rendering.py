"""What an activity says. Pure: an event and the names around it in, subject and HTML note out.

Every value is escaped. Contents are cut at 256 characters and keep their line breaks; the marker is always the last
element of the note.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from connector.installation_settings import Links
from connector.records import Call, CallTopic, Chat, Direction, Event, Message
from connector.text import clean, cut, escape

Translate = Callable[[str], str]

SUBJECT_LIMIT = 255

_MARKER = re.compile(r"ref:([A-Z2-7]{20})(?![A-Z2-7])")


@dataclass(frozen=True, slots=True)
class Names:
    """Names that the event itself carries only as ids."""

    agent: str | None = None
    queue: str | None = None
    topic: str | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Text:
    """Subject and note of an activity."""

    subject: str
    note: str


def render(event: Event, names: Names, links: Links, marker: str, _: Translate) -> Text:
    """The texts of `event`; `_` translates into the installation's language."""
    if isinstance(event, Call):
        subject, lines, contents, link = _call(event, names, links, _)
    elif isinstance(event, Chat):
        subject, lines, contents, link = _chat(event, names, links, _)
    else:
        subject, lines, contents, link = _message(event, names, links, _)
    shown = [f"<b>{label}:</b> {escape(value)}" for label, value in lines if value]
    label, said = contents
    if said:
        shown.append(f"<b>{label}:</b> {'<br>'.join(map(escape, cut(said).splitlines()))}")
    if link:
        shown.append(f'<a href="{escape(link)}">{escape(_("Open in the contact centre"))}</a>')
    shown.append(f"<small>ref:{marker}</small>")
    return Text(cut(" ".join(clean(subject).split()), SUBJECT_LIMIT), "<br>".join(shown))


def marker_in(note: str | None) -> str | None:
    """The marker of a note of ours: the last one, since what a customer typed stands before it."""
    found = _MARKER.findall(note) if note and "ref:" in note else None
    return found[-1] if found else None


Line = tuple[str, str | None]
#: Subject, lines, what was said or written, and link.
Parts = tuple[str, Iterable[Line], Line, str | None]


def _call(call: Call, names: Names, links: Links, _: Translate) -> Parts:
    result = {"answered": _("answered"), "failed": _("failed"), "abandoned": _("abandoned")}[call.result]
    inbound = call.direction is Direction.INBOUND
    kind = _("Inbound call") if inbound else _("Outbound call")
    topic = names.topic or call.topic
    about = topic or call.customer_number
    subject = f"{kind}: {result}" + (f" – {about}" if about else "")
    times = f"{_minutes(call.talk_s)} ({_('connection')} {_minutes(call.connection_s)})"
    lines = [
        (_("Direction"), _("inbound") if inbound else _("outbound")),
        (_("Result"), result),
        (_("Agent"), names.agent or call.agent_name or call.agent_id),
        (_("Queue or campaign"), names.queue or call.campaign),
        (_("Talk time"), times),
        (_("Number"), call.customer_number),
        (_("Topic"), cut(topic) if topic else None),
    ]
    return subject, lines, (_("Note"), names.note or call.note), _link(links.call, call.id)


def _chat(chat: Chat, names: Names, links: Links, _: Translate) -> Parts:
    about = chat.topic or chat.client_name
    subject = _("Chat") + (f": {about}" if about else "")
    lasted = None if chat.ended_at is None else _minutes(seconds_between(chat.started_at, chat.ended_at))
    lines = [
        (_("Topic"), cut(chat.topic) if chat.topic else None),
        (_("Source"), chat.source),
        (_("Duration"), lasted),
        (_("Agent"), names.agent or chat.agent_id),
        (_("Queue"), names.queue),
        (_("Customer"), chat.client_name),
    ]
    return subject, lines, (_("Text"), chat.text), _link(links.chat, chat.id)


def _message(message: Message, names: Names, links: Links, _: Translate) -> Parts:
    inbound = message.direction is Direction.INBOUND
    kind = _("Inbound e-mail") if inbound else _("Outbound e-mail")
    ticket = message.ticket
    sender = message.sender or (ticket.requester if inbound else names.agent)
    lines = [
        (_("Direction"), _("inbound") if inbound else _("outbound")),
        (_("Agent"), names.agent or message.agent_id or ticket.agent_id),
        (_("Sender"), sender),
        (_("Subject"), cut(ticket.subject)),
        (_("Queue"), names.queue or ticket.queue_name),
    ]
    return f"{kind}: {ticket.subject}", lines, (_("Excerpt"), message.text), _link(links.ticket, ticket.id)


def topic_names(names: Names, topic: CallTopic | None) -> Names:
    """`names` with what the agent wrote down since."""
    return names if topic is None else Names(names.agent, names.queue, topic.topic, topic.note)


def seconds_between(start: datetime, end: datetime) -> int:
    """Whole seconds from `start` to `end`, never negative."""
    return max(0, int((end - start).total_seconds()))


def _link(template: str | None, ref: str) -> str | None:
    return template.replace("{id}", ref) if template else None


def _minutes(seconds: int) -> str:
    return f"{seconds // 60}:{seconds % 60:02d}"
