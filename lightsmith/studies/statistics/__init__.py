"""Statistics: means, differences, their intervals, and the seeds that a difference needs."""
