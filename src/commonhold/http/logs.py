"""One structured line per request: what happened, never what was said."""

from __future__ import annotations

import logging
import re
from functools import lru_cache
from typing import Any

import msgspec

from commonhold.model import clock

ACCESS = logging.getLogger("commonhold.access")

_TRACEPARENT = re.compile(rb"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}.*")
_encode = msgspec.json.Encoder(enc_hook=str).encode


class AccessRecord(logging.LogRecord):
    """The log record of one request. Its `fields` are the line; its message is for people.

    Handlers get every attribute a record has. Most are the same for every request and would cost
    more to find out than the request does.
    """

    fields: dict[str, Any]

    def __init__(self, fields: dict[str, Any]) -> None:
        # Not LogRecord.__init__: see above.
        vars(self).update(_SAME)
        self.fields = fields
        self.created = clock.now() / 1e6
        self.args = (fields["method"], fields["route"], fields["status"], fields["duration_ms"])


_SAME = vars(logging.LogRecord(ACCESS.name, logging.INFO, "", 0, "%s %s %d in %.1f ms", (), None))


class JsonFormatter(logging.Formatter):
    """Log records as one JSON object a line, with what `extra={"fields": {...}}` adds."""

    def format(self, record: logging.LogRecord) -> str:
        is_access = isinstance(record, AccessRecord)
        line: dict[str, Any] = {
            "time": _time(record.created),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": "request" if is_access else record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return _encode(line).decode()


def _time(created: float) -> str:
    second, micros = divmod(round(created * 1e6), 1_000_000)
    return f"{_second(second)}.{micros:06d}Z"


@lru_cache(maxsize=2)
def _second(second: int) -> str:
    return clock.to_datetime(clock.Micros(second * 1_000_000)).strftime("%Y-%m-%dT%H:%M:%S")


def trace_id(traceparent: bytes | None) -> str | None:
    """The trace id of a W3C `traceparent` header."""
    match = None if traceparent is None else _TRACEPARENT.fullmatch(traceparent)
    return None if match is None else match[1].decode()
