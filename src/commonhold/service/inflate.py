"""Compressed bodies: inflated within a bound, so that a small one never becomes a huge one."""

from __future__ import annotations

import zlib

from commonhold.errors import MalformedBody, PayloadTooLarge

_AUTO, _RAW = zlib.MAX_WBITS | 32, -zlib.MAX_WBITS
_GZIP_MAGIC = b"\x1f\x8b"


def inflate(data: bytes, encoding: bytes, limit: int) -> bytes:
    """Decompress gzip, or deflate in either of its two forms.

    Raises:
        PayloadTooLarge: the result exceeds `limit` bytes; no more than that is ever produced.
        MalformedBody: `data` is damaged or ends early.
    """
    try:
        return _inflate(data, _AUTO, limit)
    except zlib.error as error:
        reason = error
    if encoding == b"deflate":
        try:
            return _inflate(data, _RAW, limit)
        except zlib.error as error:
            reason = error
    raise MalformedBody(f"The body cannot be decompressed: {reason}.")


def _inflate(data: bytes, window: int, limit: int) -> bytes:
    chunks: list[bytes] = []
    size = 0
    while data:
        machine = zlib.decompressobj(window)
        chunk = machine.decompress(data, limit + 1 - size)
        size += len(chunk)
        if size > limit:
            raise too_large(limit)
        if not machine.eof:
            raise MalformedBody("The compressed body ends early.")
        chunks.append(chunk)
        # A gzip file may have several members, and padding behind the last one.
        data = machine.unused_data if machine.unused_data.startswith(_GZIP_MAGIC) else b""
    return b"".join(chunks)


def too_large(limit: int) -> PayloadTooLarge:
    """The refusal of a body beyond `limit` bytes."""
    return PayloadTooLarge(
        f"The body is larger than {limit} bytes. Send less at a time,"
        " or raise COMMONHOLD_MAX_BODY_BYTES on the service."
    )
