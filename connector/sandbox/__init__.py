"""Simulated vendors, in memory: independent witnesses that share no code with the connector."""
