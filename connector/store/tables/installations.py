"""Installations: who has the connector, what it was allowed, and which contact centres feed it."""

from __future__ import annotations

from datetime import date, datetime

from sqlmodel import Field, SQLModel

from connector.store.tables.columns import sealed_column, text_column, time_column


class Installation(SQLModel, table=True):
    """A Pipedrive company that uses the connector; `id` is the company's id."""

    __tablename__ = "installation"
    id: str = Field(primary_key=True)
    name: str = Field(sa_column=text_column())
    domain: str = Field(sa_column=text_column())
    state: str = "active"
    reason: str = Field(default="", sa_column=text_column())
    owner_user_id: str
    hook_path: str = Field(unique=True)
    hook_password_sealed: bytes = Field(sa_column=sealed_column())
    marker_key_sealed: bytes = Field(sa_column=sealed_column())
    hash_keys_sealed: bytes = Field(sa_column=sealed_column())
    settings: str = Field(default="{}", sa_column=text_column())
    settings_version: int = 0
    installed_at: datetime = Field(sa_column=time_column(nullable=False))
    ended_at: datetime | None = Field(default=None, sa_column=time_column())


class Grant(SQLModel, table=True):
    """What one Pipedrive user allowed us: his tokens, or a personal API token."""

    __tablename__ = "grant"
    installation_id: str = Field(primary_key=True)
    user_id: str = Field(primary_key=True)
    kind: str
    tokens_sealed: bytes | None = Field(sa_column=sealed_column(nullable=True))
    version: int = 0
    state: str = "active"
    reason: str = Field(default="", sa_column=text_column())
    refreshed_at: datetime = Field(sa_column=time_column(nullable=False))
    refreshing_until: datetime | None = Field(default=None, sa_column=time_column())


class CentreConnection(SQLModel, table=True):
    """One account of a contact centre that feeds an installation; `id` is vendor and system."""

    __tablename__ = "centre_connection"
    installation_id: str = Field(primary_key=True)
    id: str = Field(primary_key=True)
    vendor: str
    system: str
    user: str
    password_sealed: bytes = Field(sa_column=sealed_column())
    state: str = "active"
    reason: str = Field(default="", sa_column=text_column())
    hook_path: str = Field(unique=True)
    hook_password_sealed: bytes = Field(sa_column=sealed_column())
    subscription_id: str | None = None
    connected_at: datetime = Field(sa_column=time_column(nullable=False))


class PipedriveHook(SQLModel, table=True):
    """A webhook we made in Pipedrive."""

    __tablename__ = "pipedrive_hook"
    installation_id: str = Field(primary_key=True)
    entity: str = Field(primary_key=True)
    webhook_id: str
    checked_at: datetime = Field(sa_column=time_column(nullable=False))


class Heartbeat(SQLModel, table=True):
    """When an installation was last kept up with; a restored backup shows an old one."""

    __tablename__ = "heartbeat"
    installation_id: str = Field(primary_key=True)
    at: datetime = Field(sa_column=time_column(nullable=False))


class Spent(SQLModel, table=True):
    """Pipedrive tokens spent in a day, by operation, by all processes together."""

    __tablename__ = "spent"
    installation_id: str = Field(primary_key=True)
    day: date = Field(primary_key=True)
    operation: str = Field(primary_key=True)
    tokens: int = 0
