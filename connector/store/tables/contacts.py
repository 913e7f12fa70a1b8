"""Customers and companies kept in step: pairs, what is to be done, what was written, what a person decides, first loads."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, Column, Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from connector.store.tables.columns import ROW_ID, partial_index, sealed_column, text_column, time_column

#: Pairs that are none any more, aliases, and those of which something could not be kept the same.
ODD = "state <> 'bound' OR problems <> '[]'"

#: Marks that were worked on in vain.
FAILING = "attempts > 0"


class Binding(SQLModel, table=True):
    """This record there is that record here; `base` is what both held when last in step, as keyed hashes.

    `state` is bound, alias (a second record there of one here) or gone (unlinked; nothing is made in its place).
    """

    __tablename__ = "binding"
    __table_args__ = (
        Index("ix_binding_crm", "installation_id", "entity", "crm_id"),
        Index("ix_binding_latest", "installation_id", "entity", "state", "bound_at"),
        partial_index("ix_binding_odd", "installation_id", "entity", "centre_id", where=ODD),
        Index("ix_binding_card", "installation_id", "card_id", sqlite_where=text("card_id IS NOT NULL"),
              postgresql_where=text("card_id IS NOT NULL")),
        Index("uq_binding_bound", "installation_id", "connection", "entity", "crm_id", unique=True,
              sqlite_where=text("state = 'bound'"), postgresql_where=text("state = 'bound'")),
    )  # fmt: skip
    installation_id: str = Field(primary_key=True)
    entity: str = Field(primary_key=True)
    centre_id: str = Field(primary_key=True)
    connection: str
    crm_id: str
    card_id: str | None = None
    state: str = "bound"
    base: str | None = Field(default=None, sa_column=text_column(nullable=True))
    overwrote: str | None = Field(default=None, sa_column=text_column(nullable=True))
    sent: str | None = Field(default=None, sa_column=text_column(nullable=True))
    problems: str = Field(default="[]", sa_column=text_column())
    bound_at: datetime = Field(sa_column=time_column(nullable=False))
    in_step_at: datetime | None = Field(default=None, sa_column=time_column())


class DirtyRecord(SQLModel, table=True):
    """A customer, company, person or organization that has to be looked at; `seq` counts the marks."""

    __tablename__ = "dirty"
    __table_args__ = (
        Index("ix_dirty_due", "installation_id", "lane", "entity", "marked_at", "record_id"),
        Index("ix_dirty_record", "record_id", "installation_id"),
        partial_index("ix_dirty_failing", "installation_id", "marked_at", where=FAILING),
    )
    installation_id: str = Field(primary_key=True)
    entity: str = Field(primary_key=True)
    side: str = Field(primary_key=True)
    record_id: str = Field(primary_key=True)
    seq: int = 1
    lane: int
    cause: str
    marked_at: datetime = Field(sa_column=time_column(nullable=False))
    seen: str = Field(default="{}", sa_column=text_column())
    not_before: datetime | None = Field(default=None, sa_column=time_column())
    attempts: int = 0
    reason: str = Field(default="", sa_column=text_column())
    owner: str | None = None
    lease_until: datetime | None = Field(default=None, sa_column=time_column())


class Creation(SQLModel, table=True):
    """A record that is being made on the other side of its source: the claim is committed before it is sent."""

    __tablename__ = "creation"
    installation_id: str = Field(primary_key=True)
    entity: str = Field(primary_key=True)
    side: str = Field(primary_key=True)
    source_id: str = Field(primary_key=True)
    claim_no: int = 1
    lease_until: datetime = Field(sa_column=time_column(nullable=False))
    server_time: datetime = Field(sa_column=time_column(nullable=False))
    sent_at: datetime = Field(sa_column=time_column(nullable=False))
    looks: int = 0
    not_before: datetime | None = Field(default=None, sa_column=time_column())
    sent: str | None = Field(default=None, sa_column=text_column(nullable=True))


class Change(SQLModel, table=True):
    """One write of ours on one record, with what it overwrote, so that a run can be undone."""

    __tablename__ = "change"
    __table_args__ = (
        Index("ix_change_cause", "installation_id", "cause", "at"),
        Index("ix_change_run", "installation_id", "run_id"),
        Index("ix_change_pair", "installation_id", "entity", "centre_id", "id"),
    )
    id: int | None = Field(default=None, sa_column=Column(ROW_ID, primary_key=True, autoincrement=True))
    installation_id: str
    run_id: int
    cause: str
    at: datetime = Field(sa_column=time_column(nullable=False))
    entity: str
    side: str
    record_id: str
    centre_id: str
    kind: str
    values_sealed: bytes = Field(sa_column=sealed_column())
    undone_at: datetime | None = Field(default=None, sa_column=time_column())


class Question(SQLModel, table=True):
    """A case that nobody decides but a person; decided ones stay, as the answer to the same case later."""

    __tablename__ = "question"
    __table_args__ = (UniqueConstraint("installation_id", "kind", "subject", name="uq_question_subject"),)
    id: int | None = Field(default=None, sa_column=Column(ROW_ID, primary_key=True, autoincrement=True))
    installation_id: str
    kind: str
    subject: str
    candidates: str = Field(default="[]", sa_column=text_column())
    detail: str = Field(default="{}", sa_column=text_column())
    asked_at: datetime = Field(sa_column=time_column(nullable=False))
    decided_at: datetime | None = Field(default=None, sa_column=time_column())
    decision: str | None = Field(default=None, sa_column=text_column(nullable=True))


class Brake(SQLModel, table=True):
    """A cause of writes that is paused until a person has looked, and how much more it was then allowed."""

    __tablename__ = "brake"
    installation_id: str = Field(primary_key=True)
    cause: str = Field(primary_key=True)
    tripped_at: datetime = Field(sa_column=time_column(nullable=False))
    writes: int
    released_at: datetime | None = Field(default=None, sa_column=time_column())
    allowance: int = 0


class Load(SQLModel, table=True):
    """A first load: what its preview counted, how far it is and what came of it."""

    __tablename__ = "load"
    id: int | None = Field(default=None, sa_column=Column(ROW_ID, primary_key=True, autoincrement=True))
    installation_id: str = Field(index=True)
    source: str
    state: str
    reason: str = Field(default="", sa_column=text_column())
    settings_version: int = 0
    preview: str = Field(default="{}", sa_column=text_column())
    counts: str = Field(default="{}", sa_column=text_column())
    problems: str = Field(default="[]", sa_column=text_column())
    run_id: int | None = None
    owner: str | None = None
    lease_until: datetime | None = Field(default=None, sa_column=time_column())
    begun_at: datetime = Field(sa_column=time_column(nullable=False))
    read_at: datetime | None = Field(default=None, sa_column=time_column())
    started_at: datetime | None = Field(default=None, sa_column=time_column())
    ended_at: datetime | None = Field(default=None, sa_column=time_column())


class Staged(SQLModel, table=True):
    """A record as a load's one reading found it, sealed; gone when the load has ended."""

    __tablename__ = "staged"
    __table_args__ = (Index("ix_staged_state", "installation_id", "load_id", "state", "entity", "record_id"),)
    installation_id: str = Field(primary_key=True)
    load_id: int = Field(sa_column=Column(BigInteger, primary_key=True))
    entity: str = Field(primary_key=True)
    record_id: str = Field(primary_key=True)
    state: str
    until: datetime | None = Field(default=None, sa_column=time_column())
    payload_sealed: bytes = Field(sa_column=sealed_column())
