"""Changes of a network's structure: adapters, channels, masks, rounding."""
