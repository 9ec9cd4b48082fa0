"""The lines of an export as bytes: JSON Lines, CSV that no spreadsheet runs, or Parquet."""

from __future__ import annotations

import csv
import importlib
import io
import re
from collections.abc import Callable, Mapping, Sequence
from types import ModuleType
from typing import Any, Literal, Protocol, get_args

import msgspec

from commonhold.errors import Unsupported
from commonhold.model.json_lines import json_line
from commonhold.model.wire import Wire
from commonhold.service.lesson_cells import COLUMNS, Column
from commonhold.service.lessons import TRAINING, Shape

Format = Literal["jsonl", "csv", "parquet"]
FORMATS: tuple[Format, ...] = get_args(Format)

MEDIA: Mapping[Format, str] = {
    "jsonl": "application/jsonl; charset=utf-8",
    "csv": "text/csv; charset=utf-8; header=present",
    "parquet": "application/vnd.apache.parquet",
}

_FORMULA = re.compile(r"[ \u00a0\u3000]*[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")
"""How a cell begins that a spreadsheet would run, in letters of either width."""

_LINE_END = re.compile(r"\r\n?|[\v\f\x85\u2028\u2029]")
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x9f]")


class Encoder(Protocol):
    """Turns lines into the bytes of a file, a few at a time."""

    def head(self) -> bytes:
        """What a file begins with."""

    def lines(self, lines: Sequence[Wire]) -> bytes:
        """Some lines, or nothing yet."""

    def tail(self) -> bytes:
        """What is still held back, and the end of the file."""


class JsonLines:
    """A JSON object on each line."""

    def __init__(self, shape: Shape) -> None:
        self._shape = shape

    def head(self) -> bytes:
        return b""

    def lines(self, lines: Sequence[Wire]) -> bytes:
        return "".join([f"{json_line(line)}\n" for line in lines]).encode()

    def tail(self) -> bytes:
        return b""


class Csv:
    """RFC 4180 in UTF-8, every cell in quotes, and none of them a formula."""

    def __init__(self, shape: Shape) -> None:
        self._columns = COLUMNS[shape]
        if shape not in TRAINING:
            self._columns = (*self._columns, Column("cursor"))

    def head(self) -> bytes:
        return _written([[column.name for column in self._columns]])

    def lines(self, lines: Sequence[Wire]) -> bytes:
        return _written([[_cell(each.cell(line)) for each in self._columns] for line in lines])

    def tail(self) -> bytes:
        return b""


def encoder(format_: Format, shape: Shape) -> Encoder:
    """What writes this format.

    Raises:
        Unsupported: Parquet, where pyarrow is not installed.
    """
    return _ENCODERS[format_](shape)


def safe_text(text: str) -> str:
    """A text as a cell: not run by a spreadsheet, and without what controls a terminal."""
    told = _CONTROL.sub("\N{REPLACEMENT CHARACTER}", _LINE_END.sub("\n", text))
    return f"'{told}" if _FORMULA.match(text) else told


def _cell(value: Any) -> str:
    """Numbers are ours and stay as they are; texts may be anybody's."""
    if value is None:
        return ""
    if isinstance(value, str):
        return safe_text(value)
    if isinstance(value, list):
        return safe_text(msgspec.json.encode(value).decode())
    return str(value)


def _written(rows: Sequence[Sequence[str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\r\n").writerows(rows)
    return text.getvalue().encode()


def _parquet(shape: Shape) -> Encoder:
    made: Encoder = _module().Rows(shape)
    return made


def _module() -> ModuleType:
    # Loaded when it is asked for: pyarrow is larger than all else, and few need it.
    try:
        return importlib.import_module("commonhold.service.lesson_parquet")
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "pyarrow":
            raise
        raise Unsupported(
            "Parquet needs pyarrow, which is not installed here: pip install 'commonhold[parquet]'."
            " jsonl and csv need nothing."
        ) from None


_ENCODERS: Mapping[Format, Callable[[Shape], Encoder]] = {
    "jsonl": JsonLines,
    "csv": Csv,
    "parquet": _parquet,
}
