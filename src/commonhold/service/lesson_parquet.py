"""The lines of an export as Parquet, in row groups that bound what is held in memory."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
from pyarrow import parquet

from commonhold.model.wire import Wire
from commonhold.service.lesson_cells import COLUMNS, Column, Kind, micros
from commonhold.service.lessons import Shape

MOST_ROWS = 5_000
MOST_TEXT = 1 << 24
"""Rows, and characters in them, that are held back: a row group is written when there are more."""

_CALL = pa.struct(
    [
        ("id", pa.string()),
        ("type", pa.string()),
        ("function", pa.struct([("name", pa.string()), ("arguments", pa.large_string())])),
    ]
)
_MESSAGE = pa.struct(
    [
        ("role", pa.string()),
        ("content", pa.large_string()),
        ("tool_calls", pa.list_(_CALL)),
        ("tool_call_id", pa.string()),
    ]
)
_TYPES: dict[Kind, Any] = {
    "text": pa.large_string(),
    "json": pa.large_string(),
    "number": pa.float64(),
    "count": pa.int64(),
    "time": pa.timestamp("us", tz="UTC"),
    "chat": pa.list_(_MESSAGE),
}


class Rows:
    """Writes lines as rows."""

    def __init__(self, shape: Shape) -> None:
        self._columns = COLUMNS[shape]
        self._schema = pa.schema([(each.name, _TYPES[each.kind]) for each in self._columns])
        self._out = _Outlet()
        self._writer = parquet.ParquetWriter(self._out, self._schema, compression="zstd")
        self._rows: list[dict[str, Any]] = []
        self._text = 0

    def head(self) -> bytes:
        """The mark that such a file begins with."""
        return self._out.taken()

    def lines(self, lines: Sequence[Wire]) -> bytes:
        """Row groups that became full."""
        for line in lines:
            row = {each.name: _cell(each, line) for each in self._columns}
            self._rows.append(row)
            self._text += sum(map(_size, row.values()))
            if len(self._rows) >= MOST_ROWS or self._text >= MOST_TEXT:
                self._flush()
        return self._out.taken()

    def tail(self) -> bytes:
        """The last rows and the footer."""
        self._flush()
        self._writer.close()
        return self._out.taken()

    def _flush(self) -> None:
        if self._rows:
            self._writer.write_table(pa.Table.from_pylist(self._rows, schema=self._schema))
        self._rows, self._text = [], 0


class _Outlet(io.RawIOBase):
    """A file that is taken away piece by piece while it is written."""

    def __init__(self) -> None:
        self._waiting = bytearray()
        self._gone = 0

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._gone + len(self._waiting)

    def write(self, data: Any, /) -> int:
        size = len(self._waiting)
        self._waiting += data
        return len(self._waiting) - size

    def taken(self) -> bytes:
        """What was written since."""
        piece = bytes(self._waiting)
        self._gone += len(piece)
        self._waiting.clear()
        return piece


def _cell(column: Column, line: Wire) -> Any:
    value = column.cell(line)
    return micros(value) if column.kind == "time" and value is not None else value


def _size(value: Any) -> int:
    if isinstance(value, list):
        return sum(len(each.get("content") or "") for each in value)
    return len(value) if isinstance(value, str) else 0
