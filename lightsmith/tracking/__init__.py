"""Weights & Biases: whether somebody is logged in there, and where a run stands among others."""
