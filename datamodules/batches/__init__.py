"""From items to batches: encoding, cache, augmentation, loading."""
