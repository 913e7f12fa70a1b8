"""Customers and companies: pairs, pushes, first loads, CSV files."""
