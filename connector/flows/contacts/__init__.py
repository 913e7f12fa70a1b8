"""Keeping customers and companies of the contact centre, and persons and organizations of Pipedrive, the same."""
