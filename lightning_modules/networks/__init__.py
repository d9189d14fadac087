"""Plain networks, without Lightning."""
