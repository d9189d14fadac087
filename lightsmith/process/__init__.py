"""The start and end of a process: imports without the parts that no run uses, and a quick exit."""
