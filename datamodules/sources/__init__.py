"""Sources of items: folders, tables, the hub, samples; and their splits."""
