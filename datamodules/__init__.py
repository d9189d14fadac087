"""Where data comes from, how it is split, and how it becomes batches."""
