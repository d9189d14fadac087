"""What stands beside items: classes, values, or nothing."""
