"""Stores that wrap stores."""

from __future__ import annotations

from commonhold.wrap.observed import ObservedBackend
from commonhold.wrap.timed import StoreObserver

__all__ = ["ObservedBackend", "StoreObserver"]
