"""The whole product over a scripted day."""
