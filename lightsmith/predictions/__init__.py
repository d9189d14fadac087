"""A trained model asked about new items, and the files that come out."""
