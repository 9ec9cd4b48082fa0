"""What a sender of OTLP is told of a request that was taken, in either encoding. Pure.

Source: opentelemetry.io/docs/specs/otlp, "OTLP/HTTP Response"; protobuf.dev, "Encoding". The answer
in protobuf is read here, as what an agent installs has no protobuf: it is one message of a number
and a text, in another one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from commonhold.model.otel import Form, Rejected

MEDIA: Mapping[Form, str] = {
    "protobuf": "application/x-protobuf",
    "json": "application/json",
    "openai-agents": "application/json",
}
"""What a request says that it is."""

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
"""Wire types."""


class _Shape(msgspec.Struct, rename="camel"):
    """An object of OTLP JSON. A number of 64 bits may be a text."""


class _PartialShape(_Shape):
    rejected_spans: int | str | None = None
    error_message: str | None = None


class _TakenShape(_Shape):
    partial_success: _PartialShape | None = None


_TAKEN = msgspec.json.Decoder(_TakenShape)


def rejected_of(body: bytes, *, is_protobuf: bool = False) -> Rejected:
    """Spans that were left out, and why. Any success is one, whatever its body."""
    try:
        return _of_protobuf(body) if is_protobuf else _of_json(body)
    except (ValueError, RecursionError, IndexError):
        return Rejected()


def _of_json(body: bytes) -> Rejected:
    told = _TAKEN.decode(body).partial_success or _PartialShape()
    return Rejected(int(told.rejected_spans or 0), told.error_message or "")


def _of_protobuf(body: bytes) -> Rejected:
    count, reason = 0, ""
    for number, partial in _fields(body):
        if number == 1 and isinstance(partial, bytes):
            for inner, value in _fields(partial):
                if inner == 1 and isinstance(value, int):
                    count = value
                if inner == 2 and isinstance(value, bytes):
                    reason = value.decode()
    return Rejected(count, reason)


def _fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """The fields of a message that are numbers or have a length, by their numbers."""
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        kind = tag & 7
        if kind == _VARINT:
            value, at = _varint(data, at)
            yield tag >> 3, value
        elif kind == _BYTES:
            length, at = _varint(data, at)
            yield tag >> 3, data[at : at + length]
            at += length
        elif kind in (_FIXED64, _FIXED32):
            at += 8 if kind == _FIXED64 else 4
        else:
            raise ValueError("no wire type that is in use")


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
