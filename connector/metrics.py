"""The service's own numbers, for Prometheus; labels are ids, never names."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram


class Metrics:
    """All metrics in a registry of their own, so that two services in one process do not mix."""

    def __init__(self) -> None:
        """Register everything."""
        self.registry = CollectorRegistry()
        self.entries = Gauge(
            "connector_ledger_entries",
            "Events in the ledger by state",
            ["installation", "state"],
            registry=self.registry,
        )
        self.healthy = Gauge(
            "connector_installation_healthy", "1 while the installation's credentials work", ["installation"],
            registry=self.registry,
        )  # fmt: skip
        self.centres = Gauge(
            "connector_centre_healthy", "1 while the contact centre's account can be read",
            ["installation", "connection"], registry=self.registry,
        )  # fmt: skip
        self.finished = Gauge(
            "connector_last_finished_timestamp_seconds", "When the last run that finished ended", ["installation"],
            registry=self.registry,
        )  # fmt: skip
        self.tokens = Gauge(
            "connector_pipedrive_tokens_today",
            "Pipedrive tokens spent today",
            ["installation"],
            registry=self.registry,
        )
        self.outcomes = Counter(
            "connector_outcomes",
            "Outcomes of events and looks",
            ["installation", "outcome"],
            registry=self.registry,
        )
        self.runs = Histogram(
            "connector_run_seconds",
            "Duration of runs of the activity flow",
            ["installation"],
            registry=self.registry,
        )
        self.contacts = Counter(
            "connector_contacts",
            "Outcomes of keeping customers and companies in step",
            ["installation", "outcome"],
            registry=self.registry,
        )
        self.lookups = Counter(
            "connector_lookups",
            "Ringing numbers looked up",
            ["installation", "outcome"],
            registry=self.registry,
        )
        self.lines = Gauge(
            "connector_lines", "Live lines of agents open now", ["installation"], registry=self.registry
        )
        self.dials = Counter(
            "connector_dials",
            "Calls asked for by a click",
            ["installation", "outcome"],
            registry=self.registry,
        )
        self.deliveries = Counter(
            "connector_deliveries", "Webhooks worked on", ["installation", "source"], registry=self.registry
        )
