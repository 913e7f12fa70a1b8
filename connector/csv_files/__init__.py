"""A Pipedrive export becomes the contact centre's import file, and back; a row at a time, whatever the size."""
