"""Checks of data: copies, and the digests that find them."""
