"""Comparing runs: which they are, what each says of every test item, and how the answer is shown."""
