"""What a person can ask for, and what the asking needs."""
