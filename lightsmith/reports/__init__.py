"""Pages that show runs, and what they are made of."""
