"""Feedback among ten thousand records, and ten million."""
