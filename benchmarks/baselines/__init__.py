"""What people would write or run instead: one script per contender, with ``--help``."""
