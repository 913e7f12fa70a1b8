"""The words for what administrators did, and for the places and values of the settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from connector.flows.comparing_settings import PRESENT, Change, Path
from connector.i18n import Translate
from connector.store.audit import COMMAND_LINE, ITSELF, Noted
from connector.web.console.settings import field_words

_ROWS = ("fields",)


def action_words(_: Translate) -> Mapping[str, str]:
    """What was done."""
    return {
        "settings": _("Saved the settings"),
        "restore": _("Restored an older version of the settings"),
        "import": _("Took settings in from a file"),
        "retry": _("Had events tried again"),
        "decide": _("Decided a case"),
        "release": _("Let paused changes go on"),
        "erase": _("Erased a customer’s data"),
        "run": _("Began a run"),
        "stop": _("Stopped a run"),
        "undo": _("Took a run back"),
        "undo activities": _("Had a run’s activities taken back"),
        "activities undone": _("A run’s activities were taken back"),
        "write again": _("Had activities written again"),
        "backfill": _("Began a backfill"),
        "reveal": _("Looked at hidden personal data"),
        "add key": _("Made an API key"),
        "revoke key": _("Revoked an API key"),
        "dial": _("Had a number dialled"),
        "pair device": _("Let a browser or terminal call"),
        "revoke device": _("Disconnected a browser or terminal"),
        "link": _("Had a deal’s address written into its ticket"),
        "push": _("Pushed a record"),
        "load": _("Worked on a first load"),
        "connect": _("Connected a system"),
        "reconnect": _("Connected a system again"),
        "forget": _("Forgot a pair"),
        "test": _("Tried one real record"),
        "self-test": _("Ran the self-test"),
        "test alert": _("Sent a test of the alerts"),
        "let back": _("Let an erased customer come back"),
        "diagnostics": _("Saved a file for diagnosis"),
    }


def who(entry: Noted, _: Translate) -> str:
    """Who did it."""
    own = {COMMAND_LINE.by: _("Command line"), ITSELF.by: _("The connector itself")}
    return entry.name or own.get(entry.by, entry.by)


def place(path: Path, _: Translate) -> str:
    """Where in the settings something stands, in words as far as there are any."""
    words = place_names(_)
    said: list[str] = []
    for number, name in enumerate(path):
        before = path[number - 1] if number else ""
        if before in _ROWS:
            centre, dash, crm = name.partition(" – ")
            one, other = (field_words.field_word(part, _) for part in (centre, crm))
            said.append(f"{one} – {other}" if dash else one)
        else:
            said.append(words.get(name, name))
    return " › ".join(said)


def changes(found: Sequence[Change], _: Translate) -> list[tuple[str, str, str]]:
    """Each change as its place, what stood there and what stands there."""
    return [
        (place(one.path, _), _value(one.path, one.before, _), _value(one.path, one.after, _)) for one in found
    ]


def _value(path: Path, text: str, _: Translate) -> str:
    last = path[-1] if path else ""
    if text == PRESENT:
        return _("there")
    if last in ("centre", "pipedrive") and text:
        return field_words.field_word(text, _)
    words = {"true": _("yes"), "false": _("no"), "on": _("on"), "off": _("off")}
    listed: Mapping[str, Sequence[tuple[str, str]]] = {
        "way": field_words.way_words(_),
        "conflict": field_words.policy_words(_),
        "transform": field_words.transform_words(_),
    }
    if last in listed and text:
        return {str(key): word for key, word in listed[last]}.get(text, text)
    return words.get(text, text)


def place_names(_: Translate) -> Mapping[str, str]:
    """What the parts of the settings document are called."""
    return {
        "switched_on": _("Connector switched on"),
        "language": _("Language of the texts in activities"),
        "zone": _("Time zone of the contact centre"),
        "phone_region": _("Country of phone numbers"),
        "dial_out_prefix": _("Dial-out prefix"),
        "calls": _("Calls"),
        "chats": _("Chats"),
        "messages": _("Messages of tickets"),
        "queues": _("Queues and campaigns"),
        "cases": _("Exceptions"),
        "type": _("Activity type"),
        "types": _("Types"),
        "minimum_seconds": _("Shortest call, in seconds"),
        "abandoned_as_to_do": _("Abandoned calls become to-dos"),
        "leave_out_internal": _("Internal calls are left out"),
        "deal_rule": _("Deal of an activity"),
        "fallback_owner": _("Fallback owner"),
        "agent_users": _("Agents and users"),
        "ignored_numbers": _("Ignored numbers"),
        "live": _("At once by webhooks"),
        "payload_days": _("Days that contents of events are kept"),
        "contacts": _("Customers and companies"),
        "customers": _("Customers and persons"),
        "companies": _("Companies and organizations"),
        "sync": _("Keeping both sides the same"),
        "fields": _("Rows"),
        "to_pipedrive": _("From the contact centre to Pipedrive"),
        "to_centre": _("From Pipedrive to the contact centre"),
        "groups": _("Groups"),
        "labels": _("Labels"),
        "owners": _("Owners"),
        "named": _("Only with a name"),
        "reachable": _("Only with a valid phone number or email address"),
        "created_after": _("Only made since"),
        "centre": _("Contact centre"),
        "pipedrive": "Pipedrive",
        "way": _("Direction"),
        "transform": _("How values are written"),
        "default": _("When empty, send"),
        "values": _("Value table"),
        "only_on_create": _("Only when the record is made, never after"),
        "conflict": _("When both sides changed it"),
        "removals": _("What is taken away goes on the other side too"),
        "brake": _("Pause after so many writes in an hour"),
        "undo_days": _("Days to undo"),
        "deals": _("Deals"),
        "pipeline": _("Pipeline"),
        "stage": _("Stage"),
        "visible": _("Which deals agents see"),
        "mirror_group": _("Group of fields that shows deals on the card"),
        "dialling": _("Calls by click"),
        "premium": _("Paid and shared-cost numbers"),
        "internal": _("Internal numbers"),
        "refused": _("Beginnings of numbers that are never dialled"),
        "links": _("Addresses of records in the contact centre"),
        "customer": _("Customer"),
        "ticket": _("Ticket"),
        "call": _("Call"),
        "chat": _("Chat"),
        "special_fields": _("Special fields"),
        "person_centre_id": _("Person: number in the contact centre"),
        "person_centre_link": _("Person: card in the contact centre"),
        "organization_centre_id": _("Organization: number in the contact centre"),
        "organization_centre_link": _("Organization: card in the contact centre"),
        "deal_marker": _("Deal: the connector’s mark"),
        "customer_pipedrive_id": _("Customer: number in Pipedrive"),
        "customer_pipedrive_link": _("Customer: page in Pipedrive"),
        "customer_deals_page": _("Customer: Pipedrive tab"),
        "ticket_deals_page": _("Ticket: Pipedrive tab"),
        "ticket_deal_link": _("Ticket: link to the deal"),
        "alerts": _("Alerts"),
        "emails": _("Email addresses"),
        "webhook": _("Webhook"),
        "kinds": _("What is told"),
        "queue_minutes": _("Minutes that events may be due"),
    }
