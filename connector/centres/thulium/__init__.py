"""Thulium, a contact centre from Poland: README.md says what is known of its API and what is not."""

from __future__ import annotations

from connector.centres.thulium.centre import Thulium

__all__ = ["Thulium"]
