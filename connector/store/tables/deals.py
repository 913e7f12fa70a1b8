"""Deals that are opened, and the cards that show them."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from connector.store.tables.columns import partial_index, sealed_column, text_column, time_column

#: Deals that were sent more than once, of which a second one may still come.
HEALING = "state = 'made' AND not_before IS NOT NULL"


class OpenedDeal(SQLModel, table=True):
    """A deal that an agent or a program opens, once: `source` is the ticket, or the form or request, it is opened from.

    `state` is sending, made, refused or gone (deleted in Pipedrive); `link_state` none, due, field, comment or failed.
    `not_before` and `looks` are of the looks for what was sent without an answer, then of those for doubles.
    """

    __tablename__ = "opened_deal"
    __table_args__ = (
        UniqueConstraint("installation_id", "request_key", name="uq_opened_deal_request"),
        Index("ix_opened_deal_ticket", "installation_id", "ticket_id"),
        Index("ix_opened_deal_deal", "installation_id", "deal_id"),
        Index("ix_opened_deal_customer", "installation_id", "customer_id", "made_at"),
        partial_index("ix_opened_deal_sending", "installation_id", "state", where="state = 'sending'"),
        partial_index("ix_opened_deal_link", "installation_id", "link_state", where="link_state = 'due'"),
        partial_index("ix_opened_deal_heal", "installation_id", "not_before", where=HEALING),
    )
    installation_id: str = Field(primary_key=True)
    source: str = Field(primary_key=True)
    ordinal: int = Field(default=1, primary_key=True)
    request_key: str | None = None
    customer_id: str
    ticket_id: str | None = None
    marker: str
    state: str = "sending"
    reason: str = Field(default="", sa_column=text_column())
    deal_id: str | None = None
    person_id: str | None = None
    organization_id: str | None = None
    body_sealed: bytes | None = Field(default=None, sa_column=sealed_column(nullable=True))
    made_by: str | None = None
    made_at: datetime = Field(sa_column=time_column(nullable=False))
    claim_no: int = 1
    lease_until: datetime = Field(sa_column=time_column(nullable=False))
    server_time: datetime = Field(sa_column=time_column(nullable=False))
    looks: int = 0
    not_before: datetime | None = Field(default=None, sa_column=time_column())
    link_state: str = "none"
    link_reason: str = Field(default="", sa_column=text_column())
    link_attempts: int = 0
    link_not_before: datetime | None = Field(default=None, sa_column=time_column())


class Card(SQLModel, table=True):
    """A customer (`thulium:acme/7`) or new ticket (`thulium:acme/tickets/9`) on whose card or page we write.

    What is due has a time; `page_at` is when the address of our page was last written, and `changed_before` when others
    had changed the card last before a nightly pass wrote it.
    """

    __tablename__ = "card"
    __table_args__ = (
        partial_index("ix_card_page", "installation_id", "page_due_at", where="page_due_at IS NOT NULL"),
        partial_index(
            "ix_card_mirror", "installation_id", "mirror_due_at", where="mirror_due_at IS NOT NULL"
        ),
    )
    installation_id: str = Field(primary_key=True)
    record_id: str = Field(primary_key=True)
    page_due_at: datetime | None = Field(default=None, sa_column=time_column())
    page_at: datetime | None = Field(default=None, sa_column=time_column())
    changed_before: datetime | None = Field(default=None, sa_column=time_column())
    mirror_due_at: datetime | None = Field(default=None, sa_column=time_column())


class MirroredDeal(SQLModel, table=True):
    """A deal that a customer's card shows."""

    __tablename__ = "mirrored_deal"
    installation_id: str = Field(primary_key=True)
    deal_id: str = Field(primary_key=True)
    customer_id: str = Field(primary_key=True)
