"""What Pipedrive itself publishes, held against what is sent and answered here."""
