"""Answers of tasks without classes: values, reconstructions, surprise."""
