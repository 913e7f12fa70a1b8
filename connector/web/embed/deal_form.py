"""The form of a new deal: what it offers, what was written into it, and what is wrong with that."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from connector.flows.deals.catalogue import Catalogue
from connector.flows.deals.opening import NewDeal
from connector.i18n import Translate
from connector.installation_settings import Deals
from connector.web.embed.parties import Candidate, Party

LONGEST_TITLE = 255
FIELDS = ("title", "stage", "owner", "value", "currency", "person")

_SPACES = re.compile(r"\s+")
_CURRENCY = re.compile(r"[A-Z]{3}")
_PLAIN = re.compile(r"\d{1,12}(?:\.\d{1,2})?")
_THOUSANDS = re.compile(r"\d{1,3}([.,])\d{3}(?:\1\d{3})*")
_USUAL_CURRENCIES = ("PLN", "EUR", "USD", "GBP", "CZK")


@dataclass(slots=True)
class DealForm:
    """What the template shows; `values` and `errors` go by the field's name, `stages` are (pipeline, [(id, name)])."""

    action: str
    token: str
    place: str
    party: Party
    values: dict[str, str]
    stages: Sequence[tuple[str, Sequence[tuple[str, str]]]]
    owners: Sequence[tuple[str, str]]
    currencies: Sequence[str]
    ticket: str = ""
    back: str = ""
    errors: dict[str, str] = field(default_factory=lambda: dict.fromkeys(FIELDS, ""))
    choice: Sequence[Candidate] = ()
    again: bool = False


def offered_stages(catalogue: Catalogue, settings: Deals) -> list[tuple[str, list[tuple[str, str]]]]:
    """All stages by pipeline, the pipeline of the settings first."""
    pipelines = sorted(
        (one for one in catalogue.pipelines if not one.is_deleted),
        key=lambda one: (one.id != settings.pipeline, one.order),
    )
    stages = sorted((one for one in catalogue.stages if not one.is_deleted), key=lambda one: one.order)
    groups = [
        (one.name, [(stage.id, stage.name) for stage in stages if stage.pipeline_id == one.id])
        for one in pipelines
    ]
    return [group for group in groups if group[1]]


def offered_owners(catalogue: Catalogue, own: str | None) -> list[tuple[str, str]]:
    """All active users, the agent's own first."""
    return sorted(catalogue.users.items(), key=lambda user: (user[0] != own, user[1].casefold()))


def offered_currencies() -> Sequence[str]:
    """Those that are proposed; any other may be written."""
    return _USUAL_CURRENCIES


def first_values(catalogue: Catalogue, settings: Deals, own: str | None, title: str) -> dict[str, str]:
    """What stands in the form before anybody writes into it."""
    groups = offered_stages(catalogue, settings)
    stage = groups[0][1][0][0] if groups else ""
    if any(settings.stage == id_ for _, stages in groups for id_, _ in stages):
        stage = settings.stage or ""
    # Nobody else is made the owner unless somebody chooses so.
    return {
        "title": title[:LONGEST_TITLE], "stage": stage, "owner": own if own is not None and own in catalogue.users else "", "value": "",
        "currency": "", "person": "",
    }  # fmt: skip


def read_values(sent: Mapping[str, object]) -> dict[str, str]:
    """What was written into the form, as it was written."""
    return {name: str(sent.get(name, ""))[:1000].strip() for name in FIELDS}


def read_deal(
    values: Mapping[str, str], catalogue: Catalogue, _: Translate
) -> tuple[NewDeal, dict[str, str]]:
    """The deal that is wanted, and what is wrong, by field; with anything wrong the deal must not be used."""
    errors = dict.fromkeys(FIELDS, "")
    title = _SPACES.sub(" ", values["title"]).strip()
    if not title:
        errors["title"] = _("Give the deal a title.")
    elif len(title) > LONGEST_TITLE:
        errors["title"] = _("Shorten the title: Pipedrive takes 255 characters.")
    stage = next((one for one in catalogue.stages if one.id == values["stage"] and not one.is_deleted), None)
    if stage is None:
        errors["stage"] = _("Choose a stage; this one is not there any more.")
    if not values["owner"]:
        errors["owner"] = _("Choose an owner.")
    elif values["owner"] not in catalogue.users:
        errors["owner"] = _("Choose an owner; this one is not active any more.")
    value = read_amount(values["value"])
    if values["value"] and value is None:
        errors["value"] = _("Write the value in figures, such as 1200 or 1200.50.")
    currency = values["currency"].upper()
    if currency and not _CURRENCY.fullmatch(currency):
        errors["currency"] = _("Write three letters, such as PLN.")
    wanted = NewDeal(
        title=title, pipeline_id=stage.pipeline_id if stage else None, stage_id=stage.id if stage else None,
        owner_id=values["owner"] or None, value=value, currency=currency if value is not None and currency else None,
    )  # fmt: skip
    return wanted, errors


def read_amount(text: str) -> Decimal | None:
    """An amount as people write it: `1 200,50`, `1,200.50` and `1200` alike; None when it is not clear what is meant."""
    digits = _SPACES.sub("", text)
    if "," in digits and "." in digits:
        decimal = max(digits.rfind(","), digits.rfind("."))
        whole, cents = digits[:decimal], digits[decimal + 1 :]
        if not _THOUSANDS.fullmatch(whole) or whole[-4] == digits[decimal]:
            return None
        digits = f"{re.sub('[.,]', '', whole)}.{cents}"
    elif digits.count(",") + digits.count(".") > 1 and _THOUSANDS.fullmatch(digits):
        digits = re.sub("[.,]", "", digits)
    digits = digits.replace(",", ".")
    return Decimal(digits) if digits.isascii() and _PLAIN.fullmatch(digits) else None
