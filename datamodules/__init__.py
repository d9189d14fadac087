"""Data sets: finding, splitting and batching data."""
