"""The tables. They are storage only: what enters was validated at the border.

Everything a tenant owns carries `installation_id`. Columns named `…_sealed` are encrypted by the vault.
"""

from connector.store.tables.access import (
    Alert,
    ApiKey,
    AuditEntry,
    OneTimeCode,
    SelfTest,
    Session,
    SuppressedKey,
)
from connector.store.tables.calls import Device, LiveCall
from connector.store.tables.columns import UtcDateTime, table_of
from connector.store.tables.contacts import (
    FAILING,
    ODD,
    Binding,
    Brake,
    Change,
    Creation,
    DirtyRecord,
    Load,
    Question,
    Staged,
)
from connector.store.tables.deals import HEALING, Card, MirroredDeal, OpenedDeal
from connector.store.tables.index import IndexedKey, IndexedRecord, IndexPass
from connector.store.tables.installations import (
    CentreConnection,
    Grant,
    Heartbeat,
    Installation,
    PipedriveHook,
    Spent,
)
from connector.store.tables.ledger import ASLEEP, Adopted, Cursor, Delivery, LedgerEntry, Run, WaitingKey

__all__ = [
    "ASLEEP",
    "FAILING",
    "HEALING",
    "ODD",
    "Adopted",
    "Alert",
    "ApiKey",
    "AuditEntry",
    "Binding",
    "Brake",
    "Card",
    "CentreConnection",
    "Change",
    "Creation",
    "Cursor",
    "Delivery",
    "Device",
    "DirtyRecord",
    "Grant",
    "Heartbeat",
    "IndexPass",
    "IndexedKey",
    "IndexedRecord",
    "Installation",
    "LedgerEntry",
    "LiveCall",
    "Load",
    "MirroredDeal",
    "OneTimeCode",
    "OpenedDeal",
    "PipedriveHook",
    "Question",
    "Run",
    "SelfTest",
    "Session",
    "Spent",
    "Staged",
    "SuppressedKey",
    "UtcDateTime",
    "WaitingKey",
    "table_of",
]
