"""Tests of the contact-centre adapters."""
