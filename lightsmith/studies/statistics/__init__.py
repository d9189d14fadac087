"""What numbers say: means, differences, how far they may be off, and how many seeds would tell."""
