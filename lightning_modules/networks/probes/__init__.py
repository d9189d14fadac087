"""Looks into a network: its cost, its features, its weak sides."""
