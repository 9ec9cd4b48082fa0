"""OTLP over gRPC beside HTTP: an extra, which is loaded where a port is set for it."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from commonhold import http
from commonhold.compose.grpc_port import check_otlp_grpc
from commonhold.settings import Settings

_log = logging.getLogger("commonhold.compose")


@asynccontextmanager
async def otlp_grpc(settings: Settings, service: http.Service) -> AsyncIterator[None]:
    """Serve OTLP over gRPC until `service` is about to stop, if a port is set.

    Raises:
        InvalidSettings: the extra is not installed.
        Unavailable: the port cannot be had.
    """
    if not settings.otlp_grpc_port:
        yield
        return
    if settings.workers == 1:  # where there are several, they take the port together
        check_otlp_grpc(settings)
    from commonhold import rpc

    where = rpc.Listening(
        settings.host,
        settings.otlp_grpc_port,
        is_shared=settings.workers > 1,
        grace_s=settings.shutdown_grace_s,
    )
    desk = rpc.Desk(
        service.gate,
        service.bind,
        service.metrics.answered,
        settings.max_body_bytes,
        loopback_only=settings.auth == "none" and not settings.insecure,
        watch=service.watch,
    )
    async with rpc.listening(where, desk):
        _log.info("Taking OTLP over gRPC on %s", where.address)
        yield
