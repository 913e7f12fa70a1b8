"""The index of both sides' records, by which events find their people."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from connector.store.tables.columns import time_column


class IndexedRecord(SQLModel, table=True):
    """A person, organization or open deal of Pipedrive, or a customer or company, as far as matching needs it."""

    __tablename__ = "indexed_record"
    __table_args__ = (
        Index("ix_indexed_organization", "installation_id", "entity", "organization_id"),
        Index("ix_indexed_person", "installation_id", "entity", "person_id"),
    )
    installation_id: str = Field(primary_key=True)
    entity: str = Field(primary_key=True)
    crm_id: str = Field(primary_key=True)
    person_id: str | None = None
    organization_id: str | None = None
    owner_id: str | None = None
    update_time: datetime | None = Field(default=None, sa_column=time_column())
    seen_in: int = 0


class IndexedKey(SQLModel, table=True):
    """One number, e-mail address or name by which a record is found, as a keyed hash.

    Each of its two indexes begins with what it is asked by: SQLite takes a common beginning for a narrow one, and reads
    all that an installation has.
    """

    __tablename__ = "indexed_key"
    __table_args__ = (Index("ix_indexed_key_record", "crm_id", "installation_id", "entity", "key"),)
    key: str = Field(primary_key=True)
    installation_id: str = Field(primary_key=True)
    entity: str = Field(primary_key=True)
    crm_id: str = Field(primary_key=True)


class IndexPass(SQLModel, table=True):
    """How complete the index of one entity is."""

    __tablename__ = "index_pass"
    installation_id: str = Field(primary_key=True)
    entity: str = Field(primary_key=True)
    filled_at: datetime | None = Field(default=None, sa_column=time_column())
    swept_until: datetime | None = Field(default=None, sa_column=time_column())
    census_at: datetime | None = Field(default=None, sa_column=time_column())
    census_no: int = 0
