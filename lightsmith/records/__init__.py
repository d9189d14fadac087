"""The record of a run: results.json, tables, the summary on the terminal."""
