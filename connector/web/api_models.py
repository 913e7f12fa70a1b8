"""What the HTTP API takes and gives; its OpenAPI description is made of these."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

RecordId = Annotated[str, Field(pattern=r"^[0-9]{1,18}$")]
#: Pipedrive keeps two decimals; more digits than these are no money.
Amount = Annotated[Decimal, Field(ge=0, max_digits=15, decimal_places=2)]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class NewDealRequest(_Model):
    """A deal to be opened from a ticket."""

    title: str = Field(min_length=1, max_length=255, pattern=r"\S", description="Its title.")
    pipeline_id: RecordId | None = Field(
        None, description="Pipeline; left out: the one that the admin chose."
    )
    stage_id: RecordId | None = Field(None, description="Stage; left out: the pipeline's first.")
    owner_id: RecordId | None = Field(None, description="Owner; left out: the user who connected Pipedrive.")
    value: Amount | None = Field(None, description="Value.")
    currency: str | None = Field(None, pattern=r"^[A-Z]{3}$", description="ISO 4217 code of the value.")
    another: bool = Field(False, description="Open one more, although the ticket has a deal.")
    same_title: bool = Field(
        False, description="Open it, although the customer has a new deal of the same title."
    )


class Opened(_Model):
    """What came of opening a deal."""

    outcome: str = Field(
        json_schema_extra={"enum": ["made", "there already", "in doubt", "waits"]},
        description="in doubt: it was sent and no answer came, and it is looked for. waits: it is made by itself as soon as it can be. After either send the same request again to learn what became of it.",
    )
    deal_id: str | None = Field(description="The deal in Pipedrive; null while in doubt or waiting.")
    link: str | None = Field(description="Its page in Pipedrive.")
    back_link: str = Field(description="Whether the ticket shows it: due, field, comment, failed or none.")


class CustomerDeal(_Model):
    """One deal of a customer."""

    id: str
    title: str
    created: datetime | None
    pipeline: str
    stage: str
    value: Decimal | None
    currency: str | None
    probability: Decimal | None = Field(description="Per cent.")
    status: str = Field(description="open, won or lost.")
    owner: str
    link: str


class DealsOfCustomer(_Model):
    """A customer's deals, open ones first."""

    customer_id: str
    in_step: bool = Field(description="Whether the customer is linked to a person or organization.")
    person_link: str | None = Field(description="The page of that person or organization.")
    deals: tuple[CustomerDeal, ...]
    totals: dict[str, Decimal] = Field(description="Sums of open deals by currency.")


class FieldProblem(_Model):
    """What is wrong with one part of a request."""

    field: str
    message: str


class Problem(_Model):
    """Problem details, RFC 9457."""

    type: str = "about:blank"
    title: str = Field(description="What happened.")
    status: int
    detail: str | None = Field(None, description="What to do next.")
    errors: tuple[FieldProblem, ...] | None = Field(None, description="What is wrong with the request.")
    link: str | None = Field(None, description="The page in Pipedrive of the deal that stands in the way.")
    request_id: str | None = Field(None, description="For the operator.")
