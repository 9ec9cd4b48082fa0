"""Log lines: one each, whatever is in them, and never a password."""

from __future__ import annotations

import json
import logging
import logging.config
import sys

import pytest

from commonhold.cli.logs import JsonFormatter, TextFormatter, log_config
from tests.redact.secrets import JWT

NASTY = "a\nb\r\x1b[31mred\x00\x7f\x85\u2028\u202e\ud800 é"


def record(msg: str, *args: object, **extra: object) -> logging.LogRecord:
    """A record as a logger makes it."""
    logger = logging.getLogger("commonhold.test")
    return logger.makeRecord(logger.name, logging.WARNING, "f", 1, msg, args, None, extra=extra)


def test_a_line_is_one_json_object_with_its_fields() -> None:
    """`extra` in either form, and nothing that says nothing."""
    line = json.loads(
        JsonFormatter().format(record("Took %d.", 3, fields={"route": "/", "x": None}))
    )
    plain = json.loads(JsonFormatter().format(record("Hello", request_id="r1")))

    assert line.pop("ts").endswith("Z")
    assert line == {"level": "warning", "logger": "commonhold.test", "msg": "Took 3.", "route": "/"}
    assert plain["request_id"] == "r1"


def test_a_field_cannot_pass_for_the_line_itself() -> None:
    """What the line says of itself is not overwritten."""
    line = json.loads(
        JsonFormatter().format(record("Real", fields={"msg": "forged", "level": "x"}))
    )

    assert (line["msg"], line["level"]) == ("Real", "warning")


@pytest.mark.parametrize("formatter", [JsonFormatter(), TextFormatter()])
def test_nothing_breaks_out_of_its_line(formatter: logging.Formatter) -> None:
    """No line breaks, no terminal codes, whoever sent them."""
    line = formatter.format(record("Got %s", NASTY, fields={"agent": NASTY, NASTY: 1}))

    assert line.isprintable()


@pytest.mark.parametrize("value", [2**80, object(), {1: {2}}, b"\xff", float("inf")])
def test_any_value_can_be_logged(value: object) -> None:
    """A log line that fails is the one that was needed."""
    assert json.loads(JsonFormatter().format(record("x", fields={"value": value})))["msg"] == "x"
    assert "x" in TextFormatter().format(record("x", fields={"value": value}))


@pytest.mark.parametrize("formatter", [JsonFormatter(), TextFormatter()])
def test_a_credential_is_taken_out(formatter: logging.Formatter) -> None:
    """Of the message, and of the trace of an exception, which may quote what was sent."""
    try:
        raise ValueError(f"cannot read {JWT}")
    except ValueError:
        logged = record("Got %s", {"password": "hunter2"})
        logged.exc_info = sys.exc_info()
    line = formatter.format(logged)

    assert JWT not in line
    assert "hunter2" not in line
    assert "cannot read [redacted:jwt]" in line


@pytest.mark.parametrize("formatter", [JsonFormatter(), TextFormatter()])
def test_a_password_in_a_url_is_taken_out(formatter: logging.Formatter) -> None:
    """In messages and in traces: the last resort behind those who should not have logged it."""
    url = "postgresql://me:hunter2@db/x"
    try:
        raise ValueError(url)
    except ValueError:
        made = record("Cannot open %s", url)
        made.exc_info = sys.exc_info()

    line = formatter.format(made)

    assert "hunter2" not in line
    assert line.count("me:***@db") == 2


def test_a_trace_is_a_field_of_its_line() -> None:
    """One event stays one line."""
    made = record("Failed")
    try:
        raise RuntimeError("why")
    except RuntimeError:
        made.exc_info = sys.exc_info()

    line = JsonFormatter().format(made)

    assert "\n" not in line
    assert "RuntimeError: why" in json.loads(line)["exception"]
    assert "RuntimeError: why" in TextFormatter().format(made)


@pytest.mark.parametrize("style", ["json", "text"])
@pytest.mark.parametrize("level", ["debug", "info", "warning", "error"])
def test_the_configuration_is_one_that_logging_takes(style: str, level: str) -> None:
    """The server applies it as it is in every worker."""
    before = logging.root.handlers[:], logging.root.level
    try:
        logging.config.dictConfig(log_config(level, style))
        assert logging.getLogger("commonhold").level == getattr(logging, level.upper())
    finally:
        logging.root.handlers[:], logging.root.level = before
        for name in ("commonhold", "uvicorn"):
            logging.getLogger(name).setLevel(logging.NOTSET)
