"""Pipedrive: its API, its webhooks and the budget its calls are paid from."""
