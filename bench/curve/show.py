"""A run in the terminal."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from bench.curve.cases import CONTENDERS, Backend, Series
from bench.curve.results import Found

NAMES = {"sqlite": "SQLite", "postgres": "Postgres"}
SERIES: dict[Series, str] = {"add": "adding a turn", "turn": "reading all, then adding a turn"}


def show(console: Console, found: Found) -> None:
    """Print the milliseconds, the bytes, and what was promised."""
    for backend in found.backends:
        for series, title in SERIES.items():
            console.print(_times(found, backend, series, f"{NAMES[backend]}: {title}, ms"))
        console.print(_bytes(found, backend))
    console.print(_promises(found))


def lengths(found: Found) -> list[int]:
    """Those of the curve."""
    return sorted({point.case.length for point in found.points if point.case.series == "turn"})


def milliseconds(value: float) -> str:
    """Three digits that count."""
    return f"{value:.2f}" if value < 10 else f"{value:.1f}" if value < 100 else f"{value:,.0f}"


def kilobytes(value: float | None) -> str:
    """The same for bytes; empty where nothing was counted."""
    return "" if value is None else milliseconds(value / 1000)


def times(found: Found, backend: Backend, series: Series) -> list[tuple[str, list[str]]]:
    """Title and milliseconds of each contender, by length."""
    rows = []
    for one in CONTENDERS:
        points = [found.point(backend, one.key, n, series) for n in lengths(found)]
        rows.append((one.title, [milliseconds(p.ms) for p in points if p is not None]))
    return rows


def written(found: Found, backend: Backend) -> list[tuple[str, list[str]]]:
    """Title and kilobytes written of each contender where they were counted, by length."""
    rows = []
    for one in CONTENDERS:
        points = [found.point(backend, one.key, n) for n in lengths(found)]
        cells = [kilobytes(p.bytes) for p in points if p is not None]
        if any(cells):
            rows.append((one.title, cells))
    return rows


def _times(found: Found, backend: Backend, series: Series, title: str) -> Table:
    return _table(title, found, times(found, backend, series))


def _bytes(found: Found, backend: Backend) -> Table:
    return _table(f"{NAMES[backend]}: kB written per turn", found, written(found, backend))


def _table(title: str, found: Found, rows: list[tuple[str, list[str]]]) -> Table:
    shown = Table(title=title, title_justify="left")
    shown.add_column("messages", no_wrap=True)
    for length in lengths(found):
        shown.add_column(f"{length:,}", justify="right")
    for name, cells in rows:
        shown.add_row(name, *cells)
    return shown


def _promises(found: Found) -> Table:
    shown = Table(title="What was promised", title_justify="left")
    shown.add_column("ratio of")
    for name in ("database", "ratio", "promised"):
        shown.add_column(name, justify="right", no_wrap=True)
    for one in found.promises():
        colour = "green" if one.is_kept else "red"
        shown.add_row(one.what, NAMES[one.backend], f"[{colour}]{one.ratio:.2f}x[/]", one.bound)
    return shown
