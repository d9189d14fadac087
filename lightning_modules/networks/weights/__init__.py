"""Weight files: those that Lightsmith ships, and how any is read."""
