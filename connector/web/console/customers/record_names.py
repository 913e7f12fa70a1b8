"""Which record somebody means by what he typed or pasted: an id, a key with its contact centre, or the address of a page."""

from __future__ import annotations

import re

from yarl import URL

from connector.errors import Misconfigured
from connector.flows.contacts.kinds import COMPANIES, CUSTOMERS, Kind
from connector.flows.contacts.pushing import key_of
from connector.flows.tenant import Tenant
from connector.i18n import Translate
from connector.store.dirty import Side

#: What can be chosen, with the kind of its pair and its side.
WHAT: dict[str, tuple[Kind, Side]] = {
    "customer": (CUSTOMERS, Side.CENTRE),
    "company": (COMPANIES, Side.CENTRE),
    "person": (CUSTOMERS, Side.PIPEDRIVE),
    "organization": (COMPANIES, Side.PIPEDRIVE),
}
_PAGE = re.compile(r"/(person|organization)/(\d{1,18})(?:/.*)?")
_KEY = re.compile(r"(?:[a-z]+:[A-Za-z0-9.-]+/)?\d{1,18}")


def record_named(tenant: Tenant, text: str, what: str, _: Translate) -> tuple[Kind, Side, str]:
    """The record of a kind chosen in `WHAT`, or of the page of Pipedrive whose address was pasted.

    Misconfigured, with what to write instead, where none is named so.
    """
    if text.startswith(("https://", "http://")):
        return _pasted(tenant, text, _)
    kind, side = WHAT.get(what, WHAT["customer"])
    if not _KEY.fullmatch(text) or (side is Side.PIPEDRIVE and "/" in text):
        raise Misconfigured(
            _(
                "This is no id. Write the number that stands in the address of the record’s page, or paste that address."
            )
        )
    return kind, side, text if side is Side.PIPEDRIVE else key_of(tenant, text)


def _pasted(tenant: Tenant, text: str, _: Translate) -> tuple[Kind, Side, str]:
    try:
        url = URL(text)
    except ValueError:
        url = URL()
    found = _PAGE.fullmatch(url.path)
    if found is not None and (url.host or "").partition(".")[0] == tenant.installed.domain:
        kind, side = WHAT[found[1]]
        return kind, side, found[2]
    template = tenant.settings.links.customer
    if template is not None:
        before, _mark, after = template.partition("{id}")
        customer = text.removeprefix(before).removesuffix(after)
        if text == before + customer + after and customer.isascii() and customer.isdigit():
            return CUSTOMERS, Side.CENTRE, key_of(tenant, customer)
    raise Misconfigured(
        _(
            "This is no page of a person or organization of your company in Pipedrive. Open the record there and paste its address."
        )
    )
