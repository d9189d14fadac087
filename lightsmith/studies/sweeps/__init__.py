"""Sweeps: a space of settings, trials drawn from it, and the workers that run them."""
