"""What is secret in what is written, found by rules and replaced before it is stored or logged."""
