"""What a right of a contact centre is needed for, in the reader's words."""

from __future__ import annotations

from connector.i18n import Translate


def needed_for(what: str, _: Translate) -> str:
    """The words of the adapter in the reader's language, as far as they are known."""
    known = {
        "who owns an activity": _("who owns an activity"),
        "the queue of a call": _("the queue of a call"),
        "calls": _("calls"),
        "the topic of a call": _("the topic of a call"),
        "e-mails and other messages of tickets": _("e-mails and other messages of tickets"),
        "chats": _("chats"),
        "whose calls, chats and tickets they are": _("whose calls, chats and tickets they are"),
        "companies of customers": _("companies of customers"),
        "being told of events at once": _("being told of events at once"),
        "showing deals on the customer's card": _("showing deals on the customer’s card"),
        "changing customers as persons change": _("changing customers as persons change"),
        "changing companies as organizations change": _("changing companies as organizations change"),
        "the address of a deal in its ticket": _("the address of a deal in its ticket"),
        "the address of a deal as a comment, where its field cannot be filled": _("the address of a deal as a comment, where its field cannot be filled"),
        "keeping the deals on the customer's card true": _("keeping the deals on the customer’s card true"),
        "taking deals that are gone off the customer's card": _("taking deals that are gone off the customer’s card"),
    }  # fmt: skip
    return known.get(what, what)
