"""Settings: read from YAML and the command line, checked, explained."""
