"""Tenants as they look on the wire."""

from __future__ import annotations

from commonhold.model.clock import to_rfc3339
from commonhold.model.tenant import Tenant
from commonhold.model.wire import Wire


def tenant_out(tenant: Tenant) -> Wire:
    """A tenant."""
    return {
        "tenant": tenant.tenant,
        "status": tenant.status,
        "created_at": to_rfc3339(tenant.created_at),
    }
