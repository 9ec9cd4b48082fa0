"""The spans of a trace as a tree, whatever they say of their parents. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from commonhold.model.trace import Span

DEEPEST = 12
"""Levels that are drawn; of what is deeper, the number of its level."""


@dataclass(frozen=True, slots=True)
class Row:
    """A span at its place: what is drawn before its name, and before what is below its name."""

    span: Span
    depth: int
    branch: str
    below: str


def rows(spans: Iterable[Span]) -> Iterator[Row]:
    """Spans from the top down, those of one parent by wall clock.

    One whose parent is not there is at the top, and so is the earliest of those that are each
    other's parents.
    """
    ordered = sorted(spans, key=lambda span: (span.start_ns or 0, span.span_id))
    children = _children(ordered)
    seen: set[str] = set()
    for top in (*children.get(None, ()), *ordered):
        if top.span_id not in seen:
            yield from _below(top, children, seen)


def orphans(spans: Sequence[Span]) -> int:
    """How many have a parent that is not among them."""
    known = {None, *(span.span_id for span in spans)}
    return sum(span.parent_span_id not in known for span in spans)


def _children(ordered: Sequence[Span]) -> Mapping[str | None, Sequence[Span]]:
    """Spans by their parent, if that is there."""
    known = {span.span_id for span in ordered}
    found: dict[str | None, list[Span]] = {}
    for span in ordered:
        above = span.parent_span_id if span.parent_span_id in known else None
        found.setdefault(above, []).append(span)
    return found


def _below(
    top: Span, children: Mapping[str | None, Sequence[Span]], seen: set[str]
) -> Iterator[Row]:
    """A span and all below it. Without recursion: a tree may be as deep as it has spans."""
    seen.add(top.span_id)
    waiting = [(top, 0, "", "")]
    while waiting:
        span, depth, branch, trunk = waiting.pop()
        inner = [each for each in children.get(span.span_id, ()) if each.span_id not in seen]
        seen.update(each.span_id for each in inner)
        yield Row(span, depth, branch, f"{trunk}{'│ ' if inner else '  '}")
        for at, each in enumerate(reversed(inner)):
            waiting.append((each, depth + 1, *_guides(trunk, depth, is_last=not at)))


def _guides(trunk: str, depth: int, *, is_last: bool) -> tuple[str, str]:
    """What is drawn before a child, and before what is below it."""
    if depth >= DEEPEST:
        return f"{trunk[: 2 * DEEPEST]}{depth + 1}╴", trunk
    return trunk + ("└╴" if is_last else "├╴"), trunk + ("  " if is_last else "│ ")
