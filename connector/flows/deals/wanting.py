"""What an agent wants of a new deal: whether Pipedrive can take it, and how it is said to Pipedrive."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from connector.flows.deals import reasons
from connector.flows.deals.catalogue import YOUNG, Catalogue, catalogue
from connector.flows.tenant import Tenant
from connector.pipedrive.mapping import amount

LONGEST_TITLE = 255
_CURRENCY = re.compile(r"[A-Z]{3}")


@dataclass(frozen=True, slots=True)
class NewDeal:
    """A deal that is wanted; what is None is left to the settings, or to Pipedrive."""

    title: str
    pipeline_id: str | None
    stage_id: str | None
    owner_id: str | None
    value: Decimal | None
    currency: str | None


def body_for(tenant: Tenant, wanted: NewDeal) -> dict[str, object]:
    """The deal in Pipedrive's own keys, as far as it is not told by its customer and its claim."""
    deals = tenant.settings.deals
    pipeline, stage = wanted.pipeline_id, wanted.stage_id
    if pipeline is None and stage is None:
        pipeline, stage = deals.pipeline, deals.stage
    body: dict[str, object] = {"title": wanted.title.strip()}
    ids = {"pipeline_id": pipeline, "stage_id": stage, "owner_id": wanted.owner_id}
    body |= {key: int(value) for key, value in ids.items() if value is not None and _is_id(value)}
    if wanted.value is not None:
        body["value"] = amount(wanted.value)
    if wanted.currency:
        body["currency"] = wanted.currency.strip().upper()
    return body


def misfits(wanted: NewDeal) -> dict[str, str]:
    """Why a deal cannot be as it is wanted, whatever Pipedrive holds: reasons by field."""
    title, currency = wanted.title.strip(), (wanted.currency or "").strip().upper()
    said = {
        "title": (reasons.LONG_TITLE if title else reasons.NO_TITLE, 0 < len(title) <= LONGEST_TITLE),
        "value": (reasons.BAD_VALUE, wanted.value is None or _can_be_kept(wanted.value)),
        "currency": (reasons.BAD_CURRENCY, not currency or _CURRENCY.fullmatch(currency)),
        "pipeline": (reasons.NO_PIPELINE, _is_id(wanted.pipeline_id)),
        "stage": (reasons.NO_STAGE, _is_id(wanted.stage_id)),
        "owner": (reasons.NO_OWNER, _is_id(wanted.owner_id)),
    }
    return {field: reason for field, (reason, fits) in said.items() if not fits}


async def not_there(tenant: Tenant, body: Mapping[str, object], *, refused: bool = False) -> str | None:
    """Which of what a deal names is no longer in Pipedrive.

    What is at hand is asked, and read again where it does not know; nothing is read just for this unless the deal was
    `refused`.
    """
    kept = tenant.deals_at_hand.catalogue
    if not refused and (kept is None or _missing(kept[1], body) is None):
        return None
    return _missing(await catalogue(tenant, no_older_than=YOUNG), body)


def _missing(known: Catalogue, body: Mapping[str, object]) -> str | None:
    pipeline, stage, owner = (
        str(body[key]) if key in body else None for key in ("pipeline_id", "stage_id", "owner_id")
    )
    home = known.stage(stage)
    said = (
        (pipeline is not None and known.pipeline(pipeline) is None, reasons.NO_PIPELINE),
        (stage is not None and home is None, reasons.NO_STAGE),
        (home is not None and pipeline not in (None, home.pipeline_id), reasons.OTHER_STAGE),
        (owner is not None and owner not in known.users, reasons.NO_OWNER),
    )
    return next((reason for is_missing, reason in said if is_missing), None)


def _can_be_kept(value: Decimal) -> bool:
    """Whether the number that is sent is the very amount: more than fifteen digits are not."""
    return value.is_finite() and abs(value) < 10**15 and Decimal(str(amount(value))) == value


def _is_id(value: str | None) -> bool:
    """Whether Pipedrive could have such an id; none at all is left to Pipedrive."""
    return value is None or (value.isascii() and value.isdigit())
