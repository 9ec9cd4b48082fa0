"""What somebody may have meant who mistyped a name."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

MOST = 3
"""Names that are suggested at most."""


def nearest(name: str, known: Iterable[str]) -> str:
    """`Did you mean keys.write?`, by the names that are like it; empty when none is."""
    found = get_close_matches(name, sorted(known), MOST)
    return f"Did you mean {' or '.join(found)}?" if found else ""
