"""Events of contact centres and what became of them; webhooks as they came; runs."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, Column, Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from connector.store.tables.columns import ROW_ID, partial_index, sealed_column, text_column, time_column

#: Entries that a change of the index or of bindings may wake; written out, so that partial indexes serve the query.
ASLEEP = "state IN ('waiting', 'undecided')"


class Cursor(SQLModel, table=True):
    """How far a channel has been read in full."""

    __tablename__ = "cursor"
    installation_id: str = Field(primary_key=True)
    connection: str = Field(primary_key=True)
    kind: str = Field(primary_key=True)
    until: datetime = Field(sa_column=time_column(nullable=False))


class LedgerEntry(SQLModel, table=True):
    """One event of the contact centre and what became of it."""

    __tablename__ = "ledger"
    __table_args__ = (
        UniqueConstraint("installation_id", "connection", "kind", "external_id", name="uq_ledger_event"),
        Index("ix_ledger_state", "installation_id", "state", "lane", "id"),
        Index("ix_ledger_shown", "installation_id", "kind", "state", "occurred_at"),
        partial_index("ix_ledger_settled", "installation_id", "settled_at", where="settled_at IS NOT NULL"),
        partial_index("ix_ledger_heal", "installation_id", "state", "heal_at", where="heal_at IS NOT NULL"),
        partial_index(
            "ix_ledger_topic", "installation_id", "state", "topic_at", where="topic_at IS NOT NULL"
        ),
        partial_index(
            "ix_ledger_number", "installation_id", "number_key", "occurred_at", where="number_key IS NOT NULL"
        ),
        partial_index(
            "ix_ledger_email", "installation_id", "email_key", "occurred_at", where="email_key IS NOT NULL"
        ),
        partial_index(
            "ix_ledger_customer",
            "installation_id",
            "customer_id",
            "occurred_at",
            where="customer_id IS NOT NULL",
        ),
    )
    id: int | None = Field(default=None, sa_column=Column(ROW_ID, primary_key=True, autoincrement=True))
    installation_id: str
    connection: str
    kind: str
    external_id: str
    occurred_at: datetime = Field(sa_column=time_column(nullable=False))
    payload_sealed: bytes | None = Field(default=None, sa_column=sealed_column(nullable=True))
    customer_id: str | None = None
    number_key: str | None = None
    email_key: str | None = None
    marker: str
    state: str = "new"
    reason: str = Field(default="", sa_column=text_column())
    owner: str | None = None
    claim_no: int = 0
    lease_until: datetime | None = Field(default=None, sa_column=time_column())
    first_sent_at: datetime | None = Field(default=None, sa_column=time_column())
    last_sent_at: datetime | None = Field(default=None, sa_column=time_column())
    looks: int = 0
    sends: int = 0
    attempts: int = 0
    not_before: datetime | None = Field(default=None, sa_column=time_column())
    crm_id: str | None = None
    shown: str | None = None
    topic_at: datetime | None = Field(default=None, sa_column=time_column())
    topic_no: int = 0
    heal_at: datetime | None = Field(default=None, sa_column=time_column())
    heal_no: int = 0
    trace: str | None = Field(default=None, sa_column=text_column(nullable=True))
    lane: str = "live"
    seen_at: datetime = Field(sa_column=time_column(nullable=False))
    settled_at: datetime | None = Field(default=None, sa_column=time_column())


class WaitingKey(SQLModel, table=True):
    """A number or address, as a keyed hash, that an entry's customer has beside the event's own and is waited for by."""

    __tablename__ = "waiting_key"
    installation_id: str = Field(primary_key=True)
    key: str = Field(primary_key=True)
    entry_id: int = Field(sa_column=Column(BigInteger, primary_key=True))


class Adopted(SQLModel, table=True):
    """An activity of ours found in Pipedrive whose event the ledger does not know (yet)."""

    __tablename__ = "adopted"
    installation_id: str = Field(primary_key=True)
    marker: str = Field(primary_key=True)
    crm_id: str


class Delivery(SQLModel, table=True):
    """A webhook's words as they came, stored before they were acknowledged."""

    __tablename__ = "delivery"
    __table_args__ = (Index("ix_delivery_open", "done_at", "installation_id", "id", "not_before"),)
    id: int | None = Field(default=None, sa_column=Column(ROW_ID, primary_key=True, autoincrement=True))
    installation_id: str
    source: str
    content_type: str
    body_sealed: bytes = Field(sa_column=sealed_column())
    received_at: datetime = Field(sa_column=time_column(nullable=False))
    not_before: datetime | None = Field(default=None, sa_column=time_column())
    done_at: datetime | None = Field(default=None, sa_column=time_column())
    reason: str = Field(default="", sa_column=text_column())


class Run(SQLModel, table=True):
    """One run of the activity flow and its counts."""

    __tablename__ = "run"
    id: int | None = Field(default=None, sa_column=Column(ROW_ID, primary_key=True, autoincrement=True))
    installation_id: str = Field(index=True)
    cause: str
    started_at: datetime = Field(sa_column=time_column(nullable=False))
    ended_at: datetime | None = Field(default=None, sa_column=time_column())
    counts: str = Field(default="{}", sa_column=text_column())
    outcome: str = Field(default="running", sa_column=text_column())
