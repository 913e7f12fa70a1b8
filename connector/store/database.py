"""One writer that commits in groups, a few readers, and the pragmas that make SQLite durable."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar, cast

from sqlalchemy import BindParameter, Connection, Engine, bindparam, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import ConnectionPoolEntry

T = TypeVar("T")

#: A rare checkpoint spares the pages that many small commits touch again and again.
_PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=FULL",
    "foreign_keys=ON",
    "cache_size=-4000",
    "wal_autocheckpoint=8000",
)
_READERS = 2
_GROUP = 128


def open_engine(url: str, *, writes: bool) -> Engine:
    """An engine for `url`; on SQLite with WAL, full synchronisation, and BEGIN IMMEDIATE where it `writes`."""
    sqlite = make_url(url).get_backend_name() == "sqlite"
    options: dict[str, object] = (
        {"connect_args": {"timeout": 30, "check_same_thread": False}} if sqlite else {}
    )
    engine = create_engine(url, **options)
    if sqlite:

        @event.listens_for(engine, "connect")
        def _prepare(raw: DBAPIConnection, _record: ConnectionPoolEntry) -> None:
            raw.isolation_level = None  # BEGIN is ours, below
            cursor = raw.cursor()
            for pragma in _PRAGMAS:
                cursor.execute(f"PRAGMA {pragma}")
            cursor.close()

        @event.listens_for(engine, "begin")
        def _begin(connection: Connection) -> None:
            connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def any_of(values: Iterable[object]) -> BindParameter[Sequence[object]]:
    """`values` for an IN, bound as one: SQLAlchemy then looks at the list once, not at each element."""
    return bindparam(None, list(values), expanding=True, unique=True)


def reason_of(error: Exception) -> str:
    """What the database itself says is wrong, in one line and without any of its contents."""
    said = str(error.orig) if isinstance(error, DBAPIError) else str(error)
    return said.partition("\n")[0]


@dataclass(slots=True)
class _Job:
    work: Callable[[Connection], object]
    done: Future[object]


class Database:
    """The open database. Writes of all tasks go through one thread and are committed together."""

    def __init__(self, url: str) -> None:
        """Open `url` and start the writer."""
        self.url = url
        self._writing = open_engine(url, writes=True)
        self._reading = open_engine(url, writes=False)
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._pool = ThreadPoolExecutor(_READERS, thread_name_prefix="db-read")
        self._thread = threading.Thread(target=self._run, name="db-write", daemon=True)
        self._thread.start()
        self._closed = False

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in a write transaction and answer once it is durable.

        Neighbouring works share one commit; where one of them fails, each is run again alone, so `work` must
        depend on nothing but the database and its own arguments.
        """
        done: Future[object] = Future()
        self._jobs.put(_Job(work, done))
        # A cancelled caller must not cancel work that others share a commit with.
        return cast("T", await asyncio.shield(asyncio.wrap_future(done)))

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Run `work` on a snapshot of what is committed."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, self._read, work)

    def _read(self, work: Callable[[Connection], T]) -> T:
        with self._reading.begin() as connection:
            return work(connection)

    async def close(self) -> None:
        """Finish what is queued and close all connections."""
        if self._closed:
            return
        self._closed = True
        self._jobs.put(None)
        await asyncio.to_thread(self._thread.join)
        self._pool.shutdown()
        self._writing.dispose()
        self._reading.dispose()

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            group = [job]
            last = False
            while len(group) < _GROUP and not self._jobs.empty():
                following = self._jobs.get()
                if following is None:
                    last = True
                    break
                group.append(following)
            self._commit(group)
            if last:
                return

    def _commit(self, group: list[_Job]) -> None:
        try:
            with self._writing.begin() as connection:
                results = [job.work(connection) for job in group]
        except Exception as error:  # noqa: BLE001  # whatever failed reaches the caller whose work it was
            if len(group) == 1:
                group[0].done.set_exception(error)
                return
            for job in group:
                self._commit([job])
            return
        for job, result in zip(group, results, strict=True):
            job.done.set_result(result)
