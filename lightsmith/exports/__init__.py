"""A model as a folder of its own: files, proof, latency, card."""
