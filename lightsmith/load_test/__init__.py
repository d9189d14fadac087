"""Open-loop load on a service of this machine: latency at each rate, and how much one instance can do."""
