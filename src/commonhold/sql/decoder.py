"""The process beside a service that reads requests: from its input, until that ends.

Each message has its length in front. The service closes the input when it stops, and the system
does when the service is killed: so this process never outlives it.
"""

from __future__ import annotations

import gc
import os
import sys
import traceback
from typing import BinaryIO

from commonhold import pricing
from commonhold.errors import CommonholdError
from commonhold.sql.reading import LENGTH, Told, decode_asked, encode, read

OUTPUT, ERRORS = 1, 2
"""The standard streams that are written to."""


def answered(message: bytes) -> bytes:
    """What becomes of one message."""
    asked = decode_asked(message)
    try:
        batch, rejected = read(asked.request, asked.author, asked.now)
        return encode(Told(batch, rejected))
    except CommonholdError as error:
        return encode(Told(error=(error.status, error.code, error.detail)))
    except Exception:  # noqa: BLE001  (whatever it is, the service tells it)
        return encode(Told(traceback=traceback.format_exc()))


def serve(source: BinaryIO, target: BinaryIO) -> None:
    """Answer all messages."""
    while length := source.read(LENGTH):
        answer = answered(source.read(int.from_bytes(length, "big")))
        target.write(len(answer).to_bytes(LENGTH, "big"))
        target.write(answer)
        target.flush()


def main() -> None:
    """Serve the standard streams; what is printed goes to the log instead."""
    # Not `sys.stdout.buffer`: with PYTHONUNBUFFERED it is none, and a write that is interrupted,
    # as by a stop and a continuation, would leave out the rest.
    with os.fdopen(os.dup(OUTPUT), "wb") as target:
        os.dup2(ERRORS, OUTPUT)
        pricing.preload()
        gc.freeze()
        serve(sys.stdin.buffer, target)


if __name__ == "__main__":
    main()
