"""What the columns of all tables are made of."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    false,
    text,
)
from sqlalchemy.types import TypeDecorator
from sqlmodel import SQLModel


class UtcDateTime(TypeDecorator[datetime]):
    """An aware UTC datetime, also on databases that know no zones."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse naive times; SQLite keeps them without zone."""
        if value is None:
            return None
        if value.tzinfo is not UTC:
            if value.tzinfo is None:
                raise ValueError("a naive datetime reached the store")
            value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Give back aware UTC."""
        return value if value is None or value.tzinfo else value.replace(tzinfo=UTC)


def time_column(*, nullable: bool = True) -> Column[datetime]:
    """A moment in UTC."""
    return Column(UtcDateTime(), nullable=nullable)


def sealed_column(*, nullable: bool = False) -> Column[bytes]:
    """Bytes that the vault has encrypted."""
    return Column(LargeBinary, nullable=nullable)


def flag_column() -> Column[bool]:
    """False where nothing was said."""
    return Column(Boolean, nullable=False, server_default=false())


def text_column(*, nullable: bool = False) -> Column[str]:
    """Text of any length."""
    return Column(Text, nullable=nullable)


def table_of(model: type[SQLModel]) -> Table:
    """The table behind a model: queries are written against columns, which are typed as what they are."""
    return SQLModel.metadata.tables[str(model.__tablename__)]


def partial_index(name: str, *columns: str, where: str) -> Index:
    """An index of few rows of a large table: what is done, nearly all, costs nothing."""
    return Index(name, *columns, sqlite_where=text(where), postgresql_where=text(where))


#: SQLite counts rows up only in an INTEGER primary key.
ROW_ID = BigInteger().with_variant(Integer, "sqlite")
