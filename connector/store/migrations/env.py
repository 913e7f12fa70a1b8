"""How Alembic reaches the database: through a connection it is given, or the service's own settings."""

from __future__ import annotations

from alembic import context
from sqlalchemy import Connection
from sqlmodel import SQLModel

from connector.settings import Settings
from connector.store import tables
from connector.store.database import open_engine

# Importing the tables is what fills the metadata.
target = SQLModel.metadata if tables else None


def _run(connection: Connection) -> None:
    context.configure(connection=connection, target_metadata=target, render_as_batch=True, compare_type=True)
    with context.begin_transaction():
        context.run_migrations()


if (given := context.config.attributes.get("connection")) is not None:
    _run(given)
else:
    engine = open_engine(Settings().database_url, writes=True)
    with engine.begin() as opened:
        _run(opened)
    engine.dispose()
