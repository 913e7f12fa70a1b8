"""What agents are told of a deal of which it was never learnt what became of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from connector.flows.deals import reasons
from connector.flows.deals.opening import Opened, Result
from connector.i18n import translator
from connector.store.opened import Link, OpenedRow, State
from connector.web.embed.words import say_made, say_opened, say_row

NOW = datetime(2026, 11, 22, tzinfo=UTC)
REFUSED = OpenedRow(
    source="thulium:demo/tickets/9", ordinal=1, request_key=None, customer_id="thulium:demo/7", ticket_id="thulium:demo/9",
    marker="m", state=State.REFUSED, reason=reasons.NO_RIGHT, deal_id=None, person_id=None, organization_id=None, body=None,
    made_by=None, made_at=NOW, claim_no=1, lease_until=NOW, server_time=NOW, looks=0, not_before=None, link_state=Link.NONE,
    link_reason="", link_attempts=0, link_not_before=None,
)  # fmt: skip


@pytest.mark.parametrize("reason", [reasons.UNKNOWN, reasons.OUT_OF_SIGHT])
@pytest.mark.parametrize("language", ["en", "pl"])
def test_nobody_is_told_that_nothing_was_made_where_that_is_not_known(reason: str, language: str) -> None:
    _ = translator(language)
    row = replace(REFUSED, reason=reason)
    said = say_made(row, None, _)
    assert (said.title, said.text) == (_("It is not known whether the deal was made."), _(reason))
    assert say_opened(Opened(Result.REFUSED, reason=reason), _).title == said.title
    line = say_row(row, "Dach", None, _)
    assert (line.text, line.reason) == (said.title, said.text)


def test_what_was_refused_was_not_made() -> None:
    _ = translator("en")
    assert say_made(REFUSED, None, _).text == "Nothing was written."
    assert say_row(REFUSED, "Dach", None, _).text == "The deal was not made."
