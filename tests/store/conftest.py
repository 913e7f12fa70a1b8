from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.store.stock import Stock, open_stock


@pytest.fixture
async def stock(tmp_path: Path) -> AsyncIterator[Stock]:
    async with open_stock(tmp_path) as stock:
        yield stock
