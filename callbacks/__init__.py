"""Behaviours that a YAML adds to a run, one per file."""
