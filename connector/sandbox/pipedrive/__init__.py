"""A simulated Pipedrive: OAuth, the v1 and v2 endpoints that integrations use, webhooks and small pages.

Where it is simpler than the vendor, the module in question says so at its top.
"""
