"""Random histories of both sides end in step: nothing is lost, nothing doubled, nothing comes back, and few writes."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from tests.flows.contacts.background import begin
from tests.flows.contacts.many import HISTORIES, LENGTH


async def test_whatever_happens_both_sides_end_in_step(capsys: pytest.CaptureFixture[str]) -> None:
    shares = [asyncio.to_thread(share.get) for share in begin()]
    counts = sum(await asyncio.gather(*shares), Counter())
    with capsys.disabled():
        told = ", ".join(f"{number} {what}" for what, number in sorted(counts.items()))
        print(f"\nhistories of {LENGTH} steps: {told}")
    assert counts["histories"] >= HISTORIES
    assert counts["faults struck"] > HISTORIES
