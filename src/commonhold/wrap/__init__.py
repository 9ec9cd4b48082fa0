"""Stores that wrap stores."""

from __future__ import annotations

from commonhold.wrap.observed import ObservedBackend
from commonhold.wrap.redacted import RedactedBackend
from commonhold.wrap.redaction import Redaction
from commonhold.wrap.scoped import Bind, Bound, bind_to
from commonhold.wrap.timed import StoreObserver

__all__ = [
    "Bind",
    "Bound",
    "ObservedBackend",
    "RedactedBackend",
    "Redaction",
    "StoreObserver",
    "bind_to",
]
