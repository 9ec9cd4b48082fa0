"""OTLP over gRPC beside HTTP: an extra, which is loaded where a port is set for it."""

from __future__ import annotations

import errno
import importlib.util
import logging
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from commonhold import http
from commonhold.errors import FieldError, Unavailable
from commonhold.settings import PREFIX, InvalidSettings, Settings

PORT = f"{PREFIX}OTLP_GRPC_PORT"
EXTRA = "commonhold[grpc]"

_log = logging.getLogger("commonhold.compose")


def check_otlp_grpc(settings: Settings) -> None:
    """Check, before anything else begins, that OTLP over gRPC can be served if it is asked for.

    Raises:
        InvalidSettings: the extra is not installed.
        Unavailable: the port cannot be had.
    """
    if not settings.otlp_grpc_port:
        return
    if importlib.util.find_spec("grpc") is None:
        told = f"OTLP over gRPC is an extra. Run: pip install '{EXTRA}'"
        raise InvalidSettings([FieldError((PORT,), told)])
    try:
        _try_port(settings.host, settings.otlp_grpc_port)
    except OSError as error:
        raise Unavailable(_refused(error, settings)) from error


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
    )
    async with rpc.listening(where, desk):
        _log.info("Taking OTLP over gRPC on %s", where.address)
        yield


def _try_port(host: str, port: int) -> None:
    """Take the port and let go of it: gRPC itself shares it with whoever is there already."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    for family, kind, protocol, _, address in found:
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)


def _refused(error: OSError, settings: Settings) -> str:
    where = f"{settings.host}:{settings.otlp_grpc_port}"
    if error.errno == errno.EADDRINUSE:
        return f"{where} is taken by another process. Choose another port with --otlp-grpc-port."
    return f"Cannot listen on {where} for OTLP over gRPC: {error.strerror or error}."
