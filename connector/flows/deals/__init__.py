"""Deals that agents open in the contact centre, and what it shows of them."""
