"""The contact centres the connector can talk to: one line each; docs/adding-a-contact-centre.md tells how to add one."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from connector.centres.port import Account, ContactCentre
from connector.centres.thulium import Thulium
from connector.clock import Clock
from connector.settings import Settings

__all__ = ["ASKS_WHO_CALLS", "CENTRES", "Account", "ContactCentre"]

CENTRES: Mapping[str, Callable[[Account, Settings, Clock], ContactCentre]] = {
    "thulium": Thulium,
}

#: Those that ask who is calling when a phone rings, and where in their panel they are told whom to ask.
ASKS_WHO_CALLS: Mapping[str, str] = {
    "thulium": "Administracja → Zaawansowane → Integracja → Parametry zewnętrznego CRM",
}
