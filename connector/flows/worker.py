"""The one place where an error becomes a decision about an entry."""

from __future__ import annotations

import random
from datetime import datetime, timedelta

from connector.errors import (
    AccountClosed,
    Blocked,
    BudgetSpent,
    ConnectorError,
    Misconfigured,
    Retryable,
    Throttled,
    Unauthorised,
    UnknownOutcome,
)
from connector.settings import Settings
from connector.store.entries import UNKNOWN, Claim, Settlement, State

#: Errors of the whole company or its credentials, not of the entry at hand: it was not written and goes back as it
#: was, and nothing more is begun.
HALTING = (AccountClosed, Blocked, BudgetSpent, Misconfigured, Throttled, Unauthorised)


def decide_failure(claim: Claim, error: ConnectorError, *, now: datetime, settings: Settings) -> Settlement:
    """What becomes of a claimed entry whose write raised `error`."""
    if isinstance(error, UnknownOutcome):
        look = now + timedelta(seconds=settings.first_look)
        return Settlement(claim, State.SENDING, UNKNOWN, not_before=look)
    if isinstance(error, Retryable) and claim.entry.attempts < settings.retry_limit:
        wait = error.after or retry_wait(claim.entry.attempts, settings)
        return Settlement(
            claim, State.RETRY, str(error), not_before=now + timedelta(seconds=wait), failed=True
        )
    return Settlement(claim, State.PARKED, str(error), failed=True)


def retry_wait(attempts: int, settings: Settings) -> float:
    """Seconds before the next attempt, a little spread so that failures do not return together."""
    wait = settings.retry_waits[min(attempts, len(settings.retry_waits) - 1)]
    return wait * random.uniform(0.9, 1.1)  # noqa: S311  # spreading load is no secret
