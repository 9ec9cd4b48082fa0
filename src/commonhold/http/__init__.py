"""The ASGI API: the service, and the same routes for an agent's own application."""

from __future__ import annotations

from commonhold.http.app import Extras, Service, create_app, router
from commonhold.http.audit import Auditing
from commonhold.http.metrics import Metrics
from commonhold.http.options import HttpOptions

__all__ = ["Auditing", "Extras", "HttpOptions", "Metrics", "Service", "create_app", "router"]
