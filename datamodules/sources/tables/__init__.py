"""Items in tables: which files and columns hold them, and how they are read."""
