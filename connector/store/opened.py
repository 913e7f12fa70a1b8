"""A deal that is or was opened, as it is kept: how far it is, and how its ticket shows it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class State(StrEnum):
    """How far a deal is; a refused or gone one leaves its place free."""

    SENDING = "sending"
    MADE = "made"
    REFUSED = "refused"
    GONE = "gone"


class Link(StrEnum):
    """How the ticket shows the deal's address: not at all, soon, in its field, in a comment; or it could not be done."""

    NONE = "none"
    DUE = "due"
    FIELD = "field"
    COMMENT = "comment"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class OpenedRow:
    """One deal that is or was opened; `body` is what is sent, wiped once it is known what came of it.

    `server_time` is Pipedrive's own time at the send. `looks` counts looks that found nothing, or, while nothing was
    sent, how often it had to wait; of a deal that is made, the looks for doubles, the next of which is `not_before`.
    """

    source: str
    ordinal: int
    request_key: str | None
    customer_id: str
    ticket_id: str | None
    marker: str
    state: State
    reason: str
    deal_id: str | None
    person_id: str | None
    organization_id: str | None
    body: Mapping[str, object] | None
    made_by: str | None
    made_at: datetime
    claim_no: int
    lease_until: datetime
    server_time: datetime
    looks: int
    not_before: datetime | None
    link_state: Link
    link_reason: str
    link_attempts: int
    link_not_before: datetime | None

    @property
    def was_sent(self) -> bool:
        """Whether a byte may have left; before that nothing has to be looked for."""
        return self.person_id is not None or self.organization_id is not None

    @property
    def stands(self) -> bool:
        """Whether its place is taken: by a deal, or by one that may be there."""
        return self.state in (State.SENDING, State.MADE)

    def is_free(self, now: datetime) -> bool:
        """Whether its place may be taken: nothing stands there, or nothing was sent and nobody holds it."""
        return not self.stands or (
            self.state is State.SENDING and not self.was_sent and self.lease_until <= now
        )

    def due_at(self) -> datetime:
        """From when on another may see to it."""
        return max(self.lease_until, self.not_before or self.lease_until)
