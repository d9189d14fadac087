"""Checkpoints: written durably, read safely, and where a run starts from."""
