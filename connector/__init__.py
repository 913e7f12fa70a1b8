"""Joins a contact centre to Pipedrive."""

__version__ = "0.1.0"
