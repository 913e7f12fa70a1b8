"""Fixtures of the contact-centre tests."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from connector.centres import ContactCentre
from tests.centres.simulated import Simulated


@pytest.fixture
async def simulated() -> AsyncIterator[Simulated]:
    simulated = await Simulated.start()
    yield simulated
    await simulated.stop()


@pytest.fixture
def thulium(simulated: Simulated) -> ContactCentre:
    return simulated.centre()
