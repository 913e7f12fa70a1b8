"""The Pipedrive adapter: its pure parts, wire faults, and behaviour against the simulated Pipedrive."""
