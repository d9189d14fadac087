"""What a process imports, and how it ends."""
