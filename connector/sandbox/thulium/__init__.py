"""The simulated Thulium contact centre: REST API, webhooks and small pages, in memory."""

from connector.sandbox.thulium.app import CLOCK, FAULTS, Config, create_app
from connector.sandbox.thulium.control import SYSTEMS

__all__ = ["CLOCK", "FAULTS", "SYSTEMS", "Config", "create_app"]
