"""The form of a new deal: what it offers, what was written into it, and what is wrong with that."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal

from connector.flows.deals import reasons
from connector.flows.deals.catalogue import Catalogue
from connector.flows.deals.wanting import LONGEST_TITLE, NewDeal, misfits
from connector.i18n import Translate
from connector.installation_settings import Deals
from connector.web.embed.parties import Choice, Party
from connector.web.embed.words import explain

FIELDS = ("title", "stage", "owner", "value", "currency", "person")

_SPACES = re.compile(r"\s+")
_PLAIN = re.compile(r"\d{1,12}(?:\.\d{1,2})?")
_THOUSANDS = re.compile(r"\d{1,3}([.,])\d{3}(?:\1\d{3})*")
#: Those that are proposed; any other may be written.
_USUAL_CURRENCIES = ("PLN", "EUR", "USD", "GBP", "CZK")


@dataclass(slots=True)
class DealForm:
    """What the template shows; `values` and `errors` go by the field's name, `stages` are (pipeline, [(id, name)]).

    `party` is None where it cannot be read now.
    """

    action: str
    token: str
    place: str
    party: Party | None
    values: dict[str, str]
    stages: Sequence[tuple[str, Sequence[tuple[str, str]]]]
    owners: Sequence[tuple[str, str]]
    currencies: Sequence[str] = _USUAL_CURRENCIES
    ticket: str = ""
    back: str = ""
    errors: dict[str, str] = field(default_factory=lambda: dict.fromkeys(FIELDS, ""))
    choice: Choice | None = None
    again: bool = False


def offered_stages(catalogue: Catalogue, settings: Deals) -> list[tuple[str, list[tuple[str, str]]]]:
    """All stages by pipeline, the pipeline of the settings first."""
    pipelines = sorted(catalogue.pipelines, key=lambda one: one.id != settings.pipeline)
    groups = [
        (one.name, [(stage.id, stage.name) for stage in catalogue.stages_of(one.id)]) for one in pipelines
    ]
    return [group for group in groups if group[1]]


def offered_owners(catalogue: Catalogue, own: str | None) -> list[tuple[str, str]]:
    """All active users, the agent's own first."""
    return sorted(catalogue.users.items(), key=lambda user: (user[0] != own, user[1].casefold()))


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
    stage, value = catalogue.stage(values["stage"]), read_amount(values["value"])
    wanted = NewDeal(
        title=_SPACES.sub(" ", values["title"]), pipeline_id=stage.pipeline_id if stage else None,
        stage_id=stage.id if stage else None, owner_id=values["owner"] or None, value=value, currency=values["currency"].upper() or None,
    )  # fmt: skip
    wrong = misfits(wanted)
    if stage is None:
        wrong["stage"] = reasons.NO_STAGE
    if values["owner"] not in catalogue.users:
        wrong["owner"] = reasons.NO_OWNER
    errors = dict.fromkeys(FIELDS, "") | {name: explain(reason, _) for name, reason in wrong.items()}
    if not values["owner"]:
        errors["owner"] = _("Choose an owner.")
    if values["value"] and value is None:
        errors["value"] = _("Write the value in figures, such as 1200 or 1200.50.")
    # A currency alone says nothing.
    return wanted if value is not None else replace(wanted, currency=None), errors


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
