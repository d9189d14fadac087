"""Other ways to serve an exported folder, each in a process of its own; benchmarks/serving.py starts them."""
