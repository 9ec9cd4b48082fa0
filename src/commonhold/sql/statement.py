"""Named SQL: one text for SQLite and Postgres, loaded once from `statements/*.sql`.

A statement file is read by people first. Each entry is

    -- name: list_feedback hot
    -- What it is for, and which index serves it.
    SELECT ... WHERE tenant = :tenant [AND rating = :rating] LIMIT :limit;

- `:name` is a parameter; it becomes `?n` or `$n` once, and a call is a tuple build.
- `[...]` is left out unless every parameter in it is given, so each shape of filters is one
  prepared statement with a plan of its own.
- `{token}` is a dialect fragment (`dialect.py`), or a list declared with `-- columns token: ...`.
- `-- rows: a TEXT, b BIGINT` declares bulk input and its Postgres types, used as `{rows}`:
  `unnest` on Postgres, rows of parameters on SQLite.
- The tag `copied` says that none of the bulk rows can be there already: Postgres takes them by
  COPY. The text inserts parameters, and then every bulk column in order.
- `-- dialect: sqlite` / `-- dialect: postgres` start a variant where one text cannot do, each with
  its reason. A SQLite variant may have several commands split by `-- then:`; the first decides,
  the others see the columns it returned, and those with `{rows}` take the bulk rows, each the
  columns it names. Postgres does the same in one statement.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from itertools import chain
from typing import Any

from commonhold.errors import FieldError, InvalidRequest
from commonhold.sql.dialect import DIALECTS, FRAGMENTS, Dialect

_HEADER = re.compile(r"^-- name: (?P<name>[a-z_]+)(?P<tags>( [a-z]+)*)$", re.MULTILINE)
_COLUMNS = re.compile(r"^-- columns (?P<name>[a-z_]+): (?P<list>.+)$", re.MULTILINE)
_ROWS = re.compile(r"^-- rows: (.+)$", re.MULTILINE)
_DIALECT = re.compile(r"^-- dialect: (sqlite|postgres)\b.*$", re.MULTILINE)
_THEN = re.compile(r"^-- then:.*$", re.MULTILINE)
_COMMENT = re.compile(r"--[^\n]*")
_INSERT = re.compile(
    r"\s*INSERT INTO (?P<table>\w+) \((?P<columns>[^)]*)\)\s*SELECT (?P<values>.*?)\s+FROM"
)
_OPTIONAL = re.compile(r"\[([^\[\]]*)\]")
_PARAMETER = re.compile(r"(?<![:\w]):([a-z_]+)\b")
_TOKEN = re.compile(r"\{([a-z_]+)\}")
_WRITE = re.compile(r"\b(INSERT|UPDATE|DELETE)\b")


@dataclass(frozen=True, slots=True)
class Compiled:
    """Text for a driver, and the order in which it wants its arguments."""

    text: str
    names: tuple[str, ...]
    scalars: int

    def values(self, args: Mapping[str, Any]) -> tuple[Any, ...]:
        """The arguments in order.

        Raises:
            InvalidRequest: a text holds a NUL, which Postgres cannot store.
        """
        values = tuple([args[name] for name in self.names])
        for value in values:
            if value.__class__ is str and "\0" in value:
                raise _nul(self.names[values.index(value)])
        return values

    def bulk_values(self, args: Mapping[str, Any], rows: Sequence[Sequence[Any]]) -> list[Any]:
        """The arguments, then the cells of `rows`, as SQLite's text for so many rows has them."""
        values = [args[name] for name in self.names[: self.scalars]]
        values.extend(chain.from_iterable(rows))
        return values


@dataclass(slots=True)
class Command:
    """One SQL command in one dialect; its shapes are compiled when first used and kept."""

    dialect: Dialect
    pieces: tuple[str, ...]
    rows: tuple[tuple[str, str], ...]
    _shapes: dict[tuple[int, ...], Compiled] = field(default_factory=dict)
    _used: list[int] | None = None
    _wanted: list[list[str]] | None = None

    @property
    def is_bulk(self) -> bool:
        """Whether it takes bulk rows."""
        return any("{rows}" in piece for piece in self.pieces)

    def picked(
        self, columns: Sequence[str], rows: Sequence[Sequence[Any]]
    ) -> Sequence[Sequence[Any]]:
        """Bulk rows with only the cells that this command uses."""
        if self._used is None:
            text = "".join(self.pieces)
            self._used = [index for index, name in enumerate(columns) if _uses(text, name)]
        if len(self._used) == len(columns):
            return rows
        return [[row[index] for index in self._used] for row in rows]

    def shape(self, args: Mapping[str, Any], bulk: int = 1) -> Compiled:
        """The text with the optional parts whose parameters are all given, for `bulk` rows."""
        if len(self.pieces) == 1:
            key: tuple[int, ...] = (bulk,)
        else:
            key = (bulk, *[self._is_given(names, args) for names in self._asked()])
        compiled = self._shapes.get(key)
        if compiled is None:
            compiled = self._shapes[key] = self._compile(key[1:], bulk)
        return compiled

    def _asked(self) -> Sequence[Sequence[str]]:
        """The parameters of each optional part."""
        if self._wanted is None:
            self._wanted = [_PARAMETER.findall(piece) for piece in self.pieces[1::2]]
        return self._wanted

    def _is_given(self, names: Sequence[str], args: Mapping[str, Any]) -> bool:
        return all(args.get(name) is not None for name in names)

    def _compile(self, key: Sequence[int], bulk: int) -> Compiled:
        chosen = [piece for n, piece in enumerate(self.pieces) if n % 2 == 0 or key[n // 2]]
        names: list[str] = []

        def number(name: str) -> str:
            if name not in names:
                names.append(name)
            return f"{self.dialect.mark}{names.index(name) + 1}"

        text = _PARAMETER.sub(lambda match: number(match.group(1)), "".join(chosen))
        scalars = len(names)
        if "{rows}" in text:
            used = [column for column in self.rows if _uses(text, column[0])]
            source = self.dialect.rows_source(used, number, bulk)
            text = text.replace("{rows}", source)
        return Compiled(" ".join(text.split()), tuple(names), scalars)


@dataclass(frozen=True, slots=True)
class Copy:
    """A statement that Postgres does by COPY: the columns of a table, the first from `given`."""

    table: str
    columns: tuple[str, ...]
    given: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Statement:
    """A named statement in both dialects. `is_hot` promises an index and bounded work."""

    name: str
    doc: str
    is_hot: bool
    is_split: bool
    writes: bool
    rows: tuple[str, ...]
    commands: Mapping[str, tuple[Command, ...]]
    copy: Copy | None = None


@cache
def load() -> Mapping[str, Statement]:
    """Every statement of the package by name."""
    found: dict[str, Statement] = {}
    for source in sorted(_sources(), key=lambda item: item[0]):
        for statement in parse(source[1]):
            if statement.name in found:
                raise ValueError(f"{source[0]}: {statement.name} is defined twice")
            found[statement.name] = statement
    return found


def statement(name: str) -> Statement:
    """The statement of that name; a misspelt one fails when the module is imported."""
    return load()[name]


def _sources() -> Iterator[tuple[str, str]]:
    for item in resources.files("commonhold.sql").joinpath("statements").iterdir():
        if item.name.endswith(".sql"):
            yield item.name, item.read_text(encoding="utf-8")


def parse(text: str) -> Iterator[Statement]:
    """The statements of one file."""
    lists = {match["name"]: match["list"] for match in _COLUMNS.finditer(text)}
    headers = list(_HEADER.finditer(text))
    for index, header in enumerate(headers):
        end = headers[index + 1].start() if index + 1 < len(headers) else len(text)
        yield _statement(header, text[header.end() : end], lists)


def _statement(header: re.Match[str], body: str, lists: Mapping[str, str]) -> Statement:
    declared = _ROWS.search(body)
    rows = _row_columns(declared.group(1)) if declared else ()
    parts = _DIALECT.split(body)
    doc = " ".join(line[2:].strip() for line in parts[0].splitlines() if _is_doc(line))
    if len(parts) == 1:
        texts = dict.fromkeys(DIALECTS, parts[0])
    else:
        texts = dict(zip(parts[1::2], parts[2::2], strict=True))
    commands = {
        name: tuple(
            _command(DIALECTS[name], part, rows, lists) for part in _THEN.split(texts[name])
        )
        for name in DIALECTS
    }
    names = tuple(name for name, _ in rows)
    tags = header["tags"].split()
    return Statement(
        name=header["name"],
        doc=doc,
        is_hot="hot" in tags,
        is_split=len(parts) > 1,
        writes=any(_WRITE.search(_COMMENT.sub("", part)) for part in texts.values()),
        rows=names,
        commands=commands,
        copy=_copy("".join(commands["postgres"][0].pieces), names) if "copied" in tags else None,
    )


def _copy(text: str, rows: tuple[str, ...]) -> Copy:
    """What an insert copies.

    Raises:
        ValueError: it is not of the form that can be copied.
    """
    found = _INSERT.match(" ".join(text.split()))
    if found is None:
        raise ValueError(f"this is no plain insert: {text}")
    columns = tuple(found["columns"].replace(",", " ").split())
    values = tuple(found["values"].replace(",", " ").split())
    given = tuple(value[1:] for value in values if value[0] == ":")
    if values != (*(f":{name}" for name in given), *(f"r.{name}" for name in rows)):
        raise ValueError(f"parameters come first, and then each bulk column in order: {text}")
    return Copy(found["table"], columns, given)


def _is_doc(line: str) -> bool:
    return line.startswith("-- ") and not line.startswith(("-- rows:", "-- columns "))


def _row_columns(declared: str) -> tuple[tuple[str, str], ...]:
    pairs = (item.split() for item in declared.split(","))
    return tuple((name, kind) for name, kind in pairs)


def _command(
    dialect: Dialect,
    text: str,
    rows: tuple[tuple[str, str], ...],
    lists: Mapping[str, str],
) -> Command:
    def expand(match: re.Match[str]) -> str:
        token = match.group(1)
        if token == "rows":  # noqa: S105  (a keyword of the file format, not a password)
            return match.group(0)
        return FRAGMENTS[token][dialect.name]

    # A list may hold fragments itself.
    whole = _TOKEN.sub(lambda match: lists.get(match[1], match[0]), _COMMENT.sub("", text))
    plain = _TOKEN.sub(expand, whole).strip().removesuffix(";")
    return Command(dialect, tuple(_OPTIONAL.split(plain)), rows)


def _uses(text: str, column: str) -> bool:
    return re.search(rf"\br\.{column}\b", text) is not None


def check_texts(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Check the texts of bulk rows.

    Raises:
        InvalidRequest: one holds a NUL, which Postgres cannot store.
    """
    for row in rows:
        for index, value in enumerate(row):
            if value.__class__ is str and "\0" in value:
                raise _nul(columns[index])


def _nul(field_name: str) -> InvalidRequest:
    rule = "must not hold a NUL character"
    return InvalidRequest(f"{field_name} {rule}.", errors=[FieldError((field_name,), rule)])
