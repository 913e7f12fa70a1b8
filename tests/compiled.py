"""SQLite whose statements are compiled once for all databases of a process: a test opens one of its own each time.

The service has one database for as long as it runs, and what it compiles is kept with it; compiling was an eighth of
what a test run computed. URLs begin with `sqlite+compiled://`.
https://docs.sqlalchemy.org/en/21/core/connections.html#sql-compilation-caching
"""

from __future__ import annotations

from sqlalchemy import Engine
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite

_KEPT: dict[object, object] = {}


class Compiled(SQLiteDialect_pysqlite):
    """All of them are the same, which the key of a kept statement tells by."""

    supports_statement_cache = True

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Compiled)

    def __hash__(self) -> int:
        return hash(Compiled)

    @classmethod
    def engine_created(cls, engine: Engine) -> None:
        engine.update_execution_options(compiled_cache=_KEPT)


SQLITE = "sqlite+compiled"
registry.register("sqlite.compiled", __name__, Compiled.__name__)
