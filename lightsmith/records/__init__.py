"""What a run leaves and prints: results.json, tables, the summary on the terminal."""
