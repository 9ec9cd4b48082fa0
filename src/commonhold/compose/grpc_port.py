"""Whether OTLP over gRPC can be served: asked at the start, before what serves is loaded."""

from __future__ import annotations

import errno
import importlib.util
import socket

from commonhold.errors import FieldError, Unavailable
from commonhold.settings import PREFIX, InvalidSettings, Settings

PORT = f"{PREFIX}OTLP_GRPC_PORT"
EXTRA = "commonhold[grpc]"


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
