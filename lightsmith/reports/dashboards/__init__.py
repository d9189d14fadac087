"""Dashboards: one YAML as sections of a page, and as a workspace and report of Weights & Biases."""
