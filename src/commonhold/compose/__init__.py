"""Where everything is put together. Only this package and `connect` know every layer.

`commonhold.compose.app:create_app` is the service. It is not imported here: a command that only
looks at a database need not load what serves it.
"""

from __future__ import annotations

from commonhold.compose.audit import open_audit_log, open_audit_pruner, seal_keys
from commonhold.compose.erasures import open_erasures
from commonhold.compose.grpc_port import check_otlp_grpc
from commonhold.compose.issuers import check_callers, issuers_of
from commonhold.compose.keys import open_key_ring, peppers_of
from commonhold.compose.redaction import open_policies
from commonhold.compose.registry import open_registry
from commonhold.compose.storage import (
    LateBackend,
    check_database_url,
    open_for_upkeep,
    sqlite_file,
    wall_problems,
)
from commonhold.compose.tenants import (
    caller_of,
    check_tenant_of_events,
    open_tenants,
    tenant_of_key,
)
from commonhold.sql import SqlBackend
from commonhold.sql.probe import SQLITE_LIBRARY, clock_of, version_of

__all__ = [
    "SQLITE_LIBRARY",
    "LateBackend",
    "SqlBackend",
    "caller_of",
    "check_callers",
    "check_database_url",
    "check_otlp_grpc",
    "check_tenant_of_events",
    "clock_of",
    "issuers_of",
    "open_audit_log",
    "open_audit_pruner",
    "open_erasures",
    "open_for_upkeep",
    "open_key_ring",
    "open_policies",
    "open_registry",
    "open_tenants",
    "peppers_of",
    "seal_keys",
    "sqlite_file",
    "tenant_of_key",
    "version_of",
    "wall_problems",
]
