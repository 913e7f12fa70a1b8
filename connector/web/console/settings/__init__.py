"""Settings, one module a page, with the forms and words that they share."""
