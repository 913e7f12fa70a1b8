"""Steps from one version of the tables to the next, and the function that takes a database through them."""

from __future__ import annotations

import threading
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy.exc import SQLAlchemyError

from connector.errors import Misconfigured
from connector.store.database import open_engine, reason_of

# Alembic keeps what it is doing in module globals.
_one_at_a_time = threading.Lock()


def migrate(url: str) -> None:
    """Bring the database at `url` to the newest tables; safe when two threads or processes start at once.

    Misconfigured when it cannot be opened, or was taken further by a newer version.
    """
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    try:
        engine = open_engine(url, writes=True)
        try:
            with _one_at_a_time, engine.begin() as connection:
                config.attributes["connection"] = connection
                command.upgrade(config, "head")
        finally:
            engine.dispose()
    except (SQLAlchemyError, CommandError, ImportError) as error:
        reason = reason_of(error)
        raise Misconfigured(f"The database of CONNECTOR_DATABASE_URL cannot be opened: {reason}") from error
