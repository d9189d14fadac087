"""Contenders that people would write or run instead: one script each, with ``--help``."""
