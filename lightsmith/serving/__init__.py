"""A service over HTTP for an exported model, without torch."""
