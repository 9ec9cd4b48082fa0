"""Traces over OTLP: how fast they come in, what is readable afterwards, and how lists grow."""
