"""Worker processes: a model in several of them, behind the one that holds the connections."""
