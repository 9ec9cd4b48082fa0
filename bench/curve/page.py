"""The page about the curve."""

from __future__ import annotations

from bench.curve.results import Found


def publish(found: Found) -> None:
    """Write it."""
