"""Benchmarks: each measures both sides in one run and prints one JSON object on its last line."""
