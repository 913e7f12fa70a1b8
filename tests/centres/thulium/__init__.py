"""Tests of the Thulium adapter."""
