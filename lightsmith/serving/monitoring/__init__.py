"""What a service counts and writes down: metrics, drift, a log of requests."""
