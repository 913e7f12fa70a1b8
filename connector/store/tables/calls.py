"""Calls as they go on, and the devices that dial."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from connector.store.tables.columns import partial_index, sealed_column, text_column, time_column


class Device(SQLModel, table=True):
    """A browser, or a terminal, that an agent allowed to dial for him; only the hash of its token is kept.

    `agent` is contact centre and login (`thulium:acme/anna`), `user_id` who allowed it in Pipedrive. `client` is the
    extension's id or `terminal`, `origin` the only one from which browsers may send the token, empty for terminals.
    """

    __tablename__ = "device"
    __table_args__ = (Index("ix_device_agent", "installation_id", "agent"),)
    id: str = Field(primary_key=True)
    installation_id: str
    user_id: str | None = None
    agent: str
    name: str = Field(sa_column=text_column())
    client: str
    origin: str
    token_hash: str = Field(unique=True)
    made_at: datetime = Field(sa_column=time_column(nullable=False))
    seen_at: datetime = Field(sa_column=time_column(nullable=False))
    revoked_at: datetime | None = Field(default=None, sa_column=time_column())


class LiveCall(SQLModel, table=True):
    """A call as its agent sees it while it goes on, from the order to dial, or the ringing phone, to its end.

    `connection` and `agent` are the contact centre and the agent's login there; `dedup` is the device's own id of an
    order, so that one sent twice dials once. `record_…` is what was clicked on, `…_id` whom and what that leads to;
    `external_id` is the call's own there, under which the ledger tells what became of it.
    """

    __tablename__ = "live_call"
    __table_args__ = (
        Index("ix_live_call_agent", "installation_id", "connection", "agent", "began_at"),
        Index("ix_live_call_external", "installation_id", "external_id"),
        UniqueConstraint("installation_id", "connection", "agent", "dedup", name="uq_live_call_order"),
        partial_index("ix_live_call_going", "installation_id", "began_at", where="ended_at IS NULL"),
    )
    id: str = Field(primary_key=True)
    installation_id: str
    connection: str
    agent: str
    direction: str
    number_sealed: bytes = Field(sa_column=sealed_column())
    number_key: str
    state: str
    reason: str = Field(default="", sa_column=text_column())
    record_entity: str | None = None
    record_id: str | None = None
    person_id: str | None = None
    org_id: str | None = None
    deal_id: str | None = None
    lead_id: str | None = None
    external_id: str | None = None
    dedup: str | None = None
    began_at: datetime = Field(sa_column=time_column(nullable=False))
    answered_at: datetime | None = Field(default=None, sa_column=time_column())
    ended_at: datetime | None = Field(default=None, sa_column=time_column())
    changed_at: datetime = Field(sa_column=time_column(nullable=False))
