"""Stores that wrap stores."""

from __future__ import annotations

from commonhold.wrap.observed import ObservedBackend, StoreObserver

__all__ = ["ObservedBackend", "StoreObserver"]
