"""A database of its own for a test of the store, and two installations in it."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from connector.clock import Clock
from connector.store.bindings import Bindings
from connector.store.database import Database
from connector.store.index import Index
from connector.store.installations import Installations, Installed, Outcome
from connector.store.vault import Vault
from tests.bad_days.days import empty_database
from tests.world import KEY


@dataclass
class Stock:
    path: Path
    db: Database
    clock: Clock
    vault: Vault
    installations: Installations

    async def installed(self, company_id: str) -> Installed:
        """An installation of this company, made when it is not there."""
        await self.installations.install(
            company_id, name=f"Firma {company_id}", domain="firma", user_id="1", is_admin=True, kind="token",
            tokens=b"secret-token",
        )  # fmt: skip
        return next(one for one in await self.installations.all() if one.id == company_id)

    async def index(self, company_id: str) -> Index:
        return Index(self.db, (await self.installed(company_id)).keys, company_id, self.clock)

    def bindings(self, company_id: str) -> Bindings:
        return Bindings(self.db, company_id)

    def words(self) -> bytes:
        """All that a thief of the files could read."""
        names = (self.path.name + suffix for suffix in ("", "-wal", "-shm", "-journal"))
        files = (self.path.with_name(name) for name in names)
        return b"".join(file.read_bytes() for file in files if file.exists())


@asynccontextmanager
async def open_stock(folder: Path, keys: tuple[str, ...] = (KEY,)) -> AsyncIterator[Stock]:
    path = folder / "store.db"
    if not path.exists():
        shutil.copy(empty_database(), path)
    db, clock, vault = Database(f"sqlite:///{path}"), Clock(), Vault(tuple(map(SecretStr, keys)))
    try:
        yield Stock(path, db, clock, vault, Installations(db, vault, clock))
    finally:
        await db.close()


async def add(stock: Stock, user: str, *, admin: bool = True, company: str = "1") -> Outcome:
    return await stock.installations.install(
        company, name="Firma", domain="firma", user_id=user, is_admin=admin, kind="oauth",
        tokens=f"secret-token-of-{user}".encode(),
    )  # fmt: skip


async def stands(stock: Stock, company: str = "1") -> tuple[str, str]:
    (one,) = [one for one in await stock.installations.all() if one.id == company]
    return one.state, one.owner_user_id


async def connect(stock: Stock, company: str = "1") -> None:
    await stock.installations.connect_centre(
        company, vendor="thulium", system="demo", user="api", password="centre-password"
    )
