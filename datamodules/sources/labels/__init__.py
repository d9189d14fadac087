"""Labels of items: classes, values, or none."""
