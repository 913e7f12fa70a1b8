"""What the service answers over HTTP, by audience: vendors' webhooks, installers, operators."""
