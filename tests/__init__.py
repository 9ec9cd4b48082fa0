"""The tests. A regular package, so that no other distribution's `tests` can take its place."""
