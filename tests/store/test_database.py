"""One writer for many: works of a group share a commit, and none of them hurts its neighbours."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Connection, event
from sqlalchemy.exc import IntegrityError

from connector.store.database import Database


@pytest.fixture
async def path(tmp_path: Path) -> Path:
    return tmp_path / "plain.db"


async def opened(path: Path) -> Database:
    db = Database(f"sqlite:///{path}")
    await db.write(
        lambda connection: (
            connection.exec_driver_sql("CREATE TABLE IF NOT EXISTS t (n INTEGER PRIMARY KEY)") and None
        )
    )
    return db


def insert(number: int, connection: Connection) -> int:
    connection.exec_driver_sql("INSERT INTO t VALUES (?)", (number,))
    return number


async def rows(db: Database) -> list[int]:
    return list(
        await db.read(lambda connection: connection.exec_driver_sql("SELECT n FROM t").scalars().all())
    )


async def test_every_work_of_a_group_gets_its_own_answer(path: Path) -> None:
    db = await opened(path)
    answers = await asyncio.gather(*(db.write(lambda c, n=n: insert(n, c)) for n in range(500)))  # type: ignore[misc]
    assert answers == list(range(500))
    assert await rows(db) == list(range(500))
    await db.close()


async def test_a_work_that_fails_does_not_hurt_its_neighbours(path: Path) -> None:
    db = await opened(path)
    numbers = [1, 2, 2, 3, 4, 4, 5]
    answers = await asyncio.gather(
        *(db.write(lambda c, n=n: insert(n, c)) for n in numbers),  # type: ignore[misc]
        return_exceptions=True,
    )
    failed = [
        number for number, answer in zip(numbers, answers, strict=True) if isinstance(answer, Exception)
    ]
    assert failed == [2, 4]
    assert all(isinstance(answer, IntegrityError | int) for answer in answers)
    assert await rows(db) == [1, 2, 3, 4, 5]
    await db.close()


async def test_a_work_that_fails_half_way_leaves_nothing_behind(path: Path) -> None:
    db = await opened(path)

    def half(connection: Connection) -> None:
        insert(7, connection)
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await db.write(half)
    assert await rows(db) == []
    await db.close()


async def test_works_that_wait_share_a_commit(path: Path) -> None:
    db = await opened(path)
    commits = 0

    def count(_connection: object) -> None:
        nonlocal commits
        commits += 1

    event.listen(db._writing, "commit", count)
    await asyncio.gather(*(db.write(lambda c, n=n: insert(n, c)) for n in range(1000)))  # type: ignore[misc]
    assert commits < 200
    await db.close()


async def test_what_was_answered_can_be_read_by_another_process_at_once(path: Path) -> None:
    db = await opened(path)
    await db.write(lambda connection: insert(1, connection))
    with closing(sqlite3.connect(path)) as other:
        assert other.execute("SELECT n FROM t").fetchall() == [(1,)]
    await db.close()


async def test_a_caller_who_gives_up_does_not_take_the_others_along(path: Path) -> None:
    db = await opened(path)
    writes = [asyncio.create_task(db.write(lambda c, n=n: insert(n, c))) for n in range(50)]  # type: ignore[misc]
    await asyncio.sleep(0)
    writes[7].cancel()
    answers = await asyncio.gather(*writes, return_exceptions=True)
    assert isinstance(answers[7], asyncio.CancelledError)
    assert set(await rows(db)) >= set(range(50)) - {7}
    await db.close()


async def test_two_writers_on_one_file_wait_for_each_other(path: Path) -> None:
    one, other = await opened(path), await opened(path)
    await asyncio.gather(
        *(db.write(lambda c, n=n: insert(n, c)) for n, db in enumerate([one, other] * 100))  # type: ignore[misc]
    )
    assert await rows(one) == list(range(200))
    await one.close()
    await other.close()


async def test_closing_finishes_what_is_queued(path: Path) -> None:
    db = await opened(path)
    writes = [asyncio.create_task(db.write(lambda c, n=n: insert(n, c))) for n in range(300)]  # type: ignore[misc]
    await asyncio.sleep(0)
    await db.close()
    assert await asyncio.gather(*writes) == list(range(300))
    await db.close()
    with closing(sqlite3.connect(path)) as other:
        assert other.execute("SELECT count(*) FROM t").fetchone() == (300,)


async def test_the_file_survives_a_power_cut(path: Path) -> None:
    db = await opened(path)
    pragmas = await db.read(
        lambda connection: [
            connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("journal_mode", "synchronous")
        ]
    )
    assert pragmas == ["wal", 2], "write-ahead log, every commit flushed to the disk"
    await db.close()
