"""The tasks: a network, a recipe, and the steps they share."""
