"""Who may do what, what administrators did, and what they are told."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Column, Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from connector.store.tables.columns import ROW_ID, flag_column, text_column, time_column


class Session(SQLModel, table=True):
    """A browser of an agent; `id` is the hash of what its cookie holds.

    `user_id` is the agent in Pipedrive, `agent` in the contact centre (connection and login); one of them is known.
    """

    __tablename__ = "session"
    id: str = Field(primary_key=True)
    installation_id: str = Field(index=True)
    user_id: str | None = None
    agent: str | None = None
    name: str = Field(sa_column=text_column())
    is_admin: bool = Field(default=False, sa_column=flag_column())
    begun_at: datetime = Field(sa_column=time_column(nullable=False))
    seen_at: datetime = Field(sa_column=time_column(nullable=False))
    expires_at: datetime = Field(sa_column=time_column(nullable=False))


class OneTimeCode(SQLModel, table=True):
    """What begins a session once: an invitation, or a handover from a pop-up to its frame; `id` is the code's hash."""

    __tablename__ = "one_time_code"
    id: str = Field(primary_key=True)
    installation_id: str = Field(index=True)
    purpose: str
    user_id: str | None = None
    agent: str | None = None
    name: str = Field(sa_column=text_column())
    is_admin: bool = Field(default=False, sa_column=flag_column())
    expires_at: datetime = Field(sa_column=time_column(nullable=False))


class ApiKey(SQLModel, table=True):
    """A key of the HTTP API; only its hash is kept."""

    __tablename__ = "api_key"
    id: str = Field(primary_key=True)
    installation_id: str = Field(index=True)
    name: str = Field(sa_column=text_column())
    key_hash: str = Field(unique=True)
    made_at: datetime = Field(sa_column=time_column(nullable=False))
    used_at: datetime | None = Field(default=None, sa_column=time_column())
    revoked_at: datetime | None = Field(default=None, sa_column=time_column())


class AuditEntry(SQLModel, table=True):
    """Something that an administrator did; of a change of settings also the whole document as it was saved.

    `by` is who did it: `user:1001`, `agent:thulium:acme/anna` or `command line`; `name` is what they were called then.
    `detail` holds ids and counts, never names, numbers or texts of customers.
    """

    __tablename__ = "audit"
    __table_args__ = (
        Index("ix_audit_shown", "installation_id", "id"),
        UniqueConstraint("installation_id", "settings_version", name="uq_audit_version"),
    )
    id: int | None = Field(default=None, sa_column=Column(ROW_ID, primary_key=True, autoincrement=True))
    installation_id: str
    at: datetime = Field(sa_column=time_column(nullable=False))
    by: str
    name: str = Field(sa_column=text_column())
    action: str
    detail: str = Field(default="{}", sa_column=text_column())
    settings_version: int | None = None
    document: str | None = Field(default=None, sa_column=text_column(nullable=True))


class Alert(SQLModel, table=True):
    """Something that is, or was, wrong with an installation as a whole; told when it begins and when it is well again.

    `told` are the ways by which it was last told that it is on; `failure` is why the last try to tell did not succeed.
    """

    __tablename__ = "alert"
    installation_id: str = Field(primary_key=True)
    kind: str = Field(primary_key=True)
    is_on: bool = Field(default=False, sa_column=flag_column())
    reason: str = Field(default="", sa_column=text_column())
    since: datetime = Field(sa_column=time_column(nullable=False))
    told: str = Field(default="[]", sa_column=text_column())
    told_at: datetime | None = Field(default=None, sa_column=time_column())
    failure: str = Field(default="", sa_column=text_column())
    attempts: int = 0
    not_before: datetime | None = Field(default=None, sa_column=time_column())


class SelfTest(SQLModel, table=True):
    """What the last daily self-test found; `problems` are sentences, `found` is what it compared."""

    __tablename__ = "self_test"
    installation_id: str = Field(primary_key=True)
    at: datetime = Field(sa_column=time_column(nullable=False))
    problems: str = Field(default="[]", sa_column=text_column())
    found: str = Field(default="{}", sa_column=text_column())


class SuppressedKey(SQLModel, table=True):
    """A number or address, as a keyed hash, of somebody who was erased and whom sync must not bring back."""

    __tablename__ = "suppressed_key"
    key: str = Field(primary_key=True)
    installation_id: str = Field(primary_key=True)
    since: datetime = Field(sa_column=time_column(nullable=False))
