"""Entries of the ledger: one for each event of the contact centre, where it stands, and what is said of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from connector.records import Event, EventKind, Unreadable
from connector.store.tables import LedgerEntry, table_of

ledger = table_of(LedgerEntry)

UNKNOWN = "unknown"
#: Parked for this reason, an entry may be in Pipedrive already: only an order that names it sends it again.
UNSEEN = "sent without an answer, and this user does not see activities of others: look in Pipedrive whether it is there"
#: What had not been written when the app was taken away; a backfill after a new installation brings it.
ERASED = "contents erased at uninstall"


#: Left out for a reason that begins so, an entry was written and its activity taken back: only an order has it written again.
TAKEN_BACK = "taken back by "


def claims_of(run_id: int) -> str:
    """What the claims of a run begin with; it stays on an entry that was written under one."""
    return f"run {run_id} "


class State(StrEnum):
    """Where an entry stands."""

    NEW = "new"
    SENDING = "sending"
    DONE = "done"
    SKIPPED = "skipped"
    WAITING = "waiting"
    UNDECIDED = "undecided"
    RETRY = "retry"
    PARKED = "parked"


class Due(StrEnum):
    """Which runs write an entry: the regular ones, or a backfill with its own budget."""

    LIVE = "live"
    BACKFILL = "backfill"


@dataclass(slots=True)
class Observed:
    """An event as read, with the normalised subjects by which it will be found again."""

    event: Event | Unreadable
    number: str | None = None
    email: str | None = None
    customer_id: str | None = None


@dataclass(slots=True)
class Entry:
    """A ledger row in the hands of a flow; `event` is None when its payload is gone."""

    id: int
    connection: str
    kind: EventKind
    external_id: str
    marker: str
    event: Event | None
    state: State
    number_key: str | None
    email_key: str | None
    customer_id: str | None
    claim_no: int
    attempts: int
    sends: int
    looks: int
    topic_no: int
    heal_no: int
    occurred_at: datetime
    first_sent_at: datetime | None
    last_sent_at: datetime | None
    crm_id: str | None
    shown: str | None


@dataclass(slots=True)
class Verdict:
    """What was decided of an entry that is not written now; `keys`, beside its own, wake it as well."""

    entry_id: int
    state: State
    reason: str
    trace: Mapping[str, object] | None = None
    keys: Collection[str] = ()


@dataclass(slots=True)
class Claim:
    """An entry that is being written; `token` names the batch, `number` this claim of the entry."""

    entry: Entry
    token: str
    number: int


@dataclass(slots=True)
class Settlement:
    """How a claimed write ended."""

    claim: Claim
    state: State
    reason: str = ""
    crm_id: str | None = None
    shown: str | None = None
    not_before: datetime | None = None
    topic_at: datetime | None = None
    heal_at: datetime | None = None
    failed: bool = False
    trace: Mapping[str, object] | None = None


COLUMNS = (
    ledger.c.id, ledger.c.connection, ledger.c.kind, ledger.c.external_id, ledger.c.marker, ledger.c.payload_sealed,
    ledger.c.state, ledger.c.number_key, ledger.c.email_key, ledger.c.customer_id, ledger.c.claim_no,
    ledger.c.attempts, ledger.c.sends, ledger.c.looks, ledger.c.topic_no, ledger.c.heal_no, ledger.c.occurred_at,
    ledger.c.first_sent_at, ledger.c.last_sent_at, ledger.c.crm_id, ledger.c.shown,
)  # fmt: skip
