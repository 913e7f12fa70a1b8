"""Random histories of both sides end in step: nothing is lost, nothing doubled, nothing comes back, and few writes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import structlog

from connector.logs import set_up
from tests.flows.contacts.many import LENGTH, SHARE, SHARES, play_many


@pytest.fixture
def _quiet() -> Iterator[None]:
    """What is logged about thousands of faults on request helps nobody: the script says it."""
    before = structlog.get_config()
    set_up("text", "CRITICAL")
    yield
    structlog.configure(**before)


@pytest.mark.usefixtures("_quiet")
@pytest.mark.parametrize("number", range(SHARES))
def test_whatever_happens_both_sides_end_in_step(number: int) -> None:
    counts = play_many(number, SHARE)
    told = ", ".join(f"{number} {what}" for what, number in sorted(counts.items()))
    print(f"histories of {LENGTH} steps: {told}")
    assert counts["histories"] >= SHARE
    assert counts["faults struck"] > SHARE
