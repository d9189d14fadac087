"""How items become batches: encoded, cached, augmented, loaded."""
