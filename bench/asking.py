"""What one request costs, asked again and again over one connection."""

from __future__ import annotations

import http.client
import json
import statistics
import time
from collections.abc import Callable
from typing import Any

from bench.servers import Served

CALLS = 40
WARM = 3
"""The first of each finds the caches cold."""


class NotAnswered(Exception):
    """An answer was not what was asked for."""


def median_ms(served: Served, path: str, is_right: Callable[[Any], bool]) -> float:
    """Milliseconds from the request to the last byte of its answer.

    Raises:
        NotAnswered: it is no success, or its JSON is not right.
    """
    connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=120)
    try:
        for _ in range(WARM):
            _check(path, *_get(connection, path), is_right)
        took = []
        for _ in range(CALLS):
            started = time.perf_counter()
            status, body = _get(connection, path)
            took.append((time.perf_counter() - started) * 1000)
            _check(path, status, body, is_right)
    finally:
        connection.close()
    return statistics.median(took)


def _get(connection: http.client.HTTPConnection, path: str) -> tuple[int, bytes]:
    connection.request("GET", path)
    answer = connection.getresponse()
    return answer.status, answer.read()


def _check(path: str, status: int, body: bytes, is_right: Callable[[Any], bool]) -> None:
    if status != 200 or not is_right(json.loads(body)):
        raise NotAnswered(f"{path} answered {status}: {body[:300].decode()}")
