"""OTLP over gRPC, beside the HTTP API and over the same stores. Only this package imports grpc."""

from __future__ import annotations

from commonhold.rpc.desk import Desk
from commonhold.rpc.server import Listening, listening

__all__ = ["Desk", "Listening", "listening"]
