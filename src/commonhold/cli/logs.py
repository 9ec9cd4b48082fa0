"""Log lines: one JSON object each, or one readable line on a terminal.

Whatever a caller put into a message stays inside its line: control characters are escaped. What
looks like a password in a URL is taken out, as a last resort behind `settings.redact_url`, and so
are all credentials that the rules of what is stored find.
"""

from __future__ import annotations

import json
import logging
import re
import traceback
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache

import msgspec

from commonhold.model.redaction import DEFAULT_GROUPS
from commonhold.redact.redactor import Redactor
from commonhold.redact.rules import rules_of

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {
    "asctime",
    "color_message",  # uvicorn repeats its message in it
    "fields",
    "message",
    "taskName",
}
# What a terminal obeys, what ends a line, what turns the reading direction, half a character.
_UNICODE = (*range(127, 160), 0x2028, 0x2029, *range(0x202A, 0x202F), *range(0x2066, 0x206A))
_BEYOND_ASCII = {code: f"\\u{code:04x}" for code in (*_UNICODE, *range(0xD800, 0xE000))}
_CONTROL = {**{code: f"\\x{code:02x}" for code in range(32)}, **_BEYOND_ASCII}
_INDENTED = {**_CONTROL, 10: "\n  "}
_ACCESS = "commonhold.access"
_encode = msgspec.json.Encoder(enc_hook=str).encode
_LOGIN = re.compile(r"(\w://[^\s:/@]*):[^\s/@]+@")


class JsonFormatter(logging.Formatter):
    """One JSON object per line: `ts`, `level`, `logger`, `msg`, and the fields of the record.

    Every request writes one, so it is made as cheaply as it can be.
    """

    def format(self, record: logging.LogRecord) -> str:
        """The record as one line."""
        line: dict[str, object] = {
            "ts": _timestamp(record.created),
            "level": record.levelname.lower(),
            "logger": record.name,
            "msg": _said(record),
        }
        line |= {
            name: value
            for name, value in fields(record).items()
            if value is not None and name not in line
        }
        if trace := _trace(record):
            line["exception"] = trace
        return _json(line)


class TextFormatter(logging.Formatter):
    """A line for people: time, level, message, then the fields."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as one line, and the trace of an exception below it."""
        said = record.args if isinstance(record.args, tuple) else ()
        named = (
            f"{_plain(name)}={_plain(value)}"
            for name, value in fields(record).items()
            if value is not None and value not in said
        )
        message = _plain(_said(record))
        when = datetime.fromtimestamp(record.created).astimezone().strftime("%H:%M:%S")
        line = " ".join((when, record.levelname.ljust(7), message, *named))
        trace = _trace(record)
        return f"{line}\n  {trace.translate(_INDENTED)}" if trace else line


def fields(record: logging.LogRecord) -> Mapping[str, object]:
    """What a record carries beside its message: our own `fields`, else what `extra` added."""
    given = getattr(record, "fields", None)
    if isinstance(given, dict):
        return given
    return {name: value for name, value in vars(record).items() if name not in _STANDARD}


def log_config(level: str, style: str) -> dict[str, object]:
    """A `logging.config` dictionary that sends everything to standard error.

    It is handed to uvicorn, which applies it in every process it starts.
    """
    formatter = "JsonFormatter" if style == "json" else "TextFormatter"
    # One process on a terminal has a banner; uvicorn's own start-up lines would only repeat it.
    server = "INFO" if style == "json" or level == "debug" else "WARNING"
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"()": f"{__name__}.{formatter}"}},
        "handlers": {
            "stderr": {
                "class": "commonhold.cli.batched.BatchedHandler",
                "formatter": "line",
            }
        },
        "root": {"handlers": ["stderr"], "level": "WARNING"},
        "loggers": {
            "commonhold": {"level": level.upper()},
            "commonhold.audit": {"level": "INFO"},  # heads leave the machine with the log
            "uvicorn": {"level": server},
        },
    }


def _timestamp(created: float) -> str:
    seconds = int(created)
    return f"{_second(seconds)}.{int((created - seconds) * 1000):03d}Z"


@lru_cache(maxsize=4)
def _second(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def _json(line: Mapping[str, object]) -> str:
    try:
        text = _encode(line).decode()
    except (ValueError, TypeError, OverflowError):  # half a surrogate pair, a number past 64 bits
        return json.dumps(line, default=str, skipkeys=True)
    # What controls a terminal from beyond ASCII can stand only inside a string here.
    return text if text.isascii() and "\x7f" not in text else text.translate(_BEYOND_ASCII)


def _said(record: logging.LogRecord) -> str:
    """What a record says; of a request it is our own words, and there is one for each request."""
    text = record.getMessage()
    return text if record.name == _ACCESS else _redact(text)


def _redact(text: str) -> str:
    told = Redactor(rules_of(DEFAULT_GROUPS)).text(text)
    return _LOGIN.sub(r"\1:***@", told) if "://" in told else told


def _plain(value: object) -> str:
    return str(value).translate(_CONTROL)


def _trace(record: logging.LogRecord) -> str:
    if not record.exc_info or record.exc_info[0] is None:
        return ""
    return _redact("".join(traceback.format_exception(*record.exc_info)).rstrip())
