"""What is derived of a trace, as the rows that hold it."""

from __future__ import annotations

from typing import Any

import msgspec

from commonhold.model.clock import Micros
from commonhold.model.summary import AgentShare, Derived
from commonhold.sql.rows import summary_cells

Cells = tuple[Any, ...]
"""The columns of a row, in the order of its statement."""

_AGENTS, _LABELS = 12, 22
"""Columns of `summary_cells`."""


class Made(msgspec.Struct, frozen=True, array_like=True):
    """A trace's summary as columns, what it is found by, and the shares of its agents."""

    cells: Cells
    labels: tuple[str, ...]
    shares: tuple[Cells, ...]

    @property
    def trace_id(self) -> str:
        """Which trace it is."""
        return str(self.cells[0])

    @property
    def started_at(self) -> Micros:
        """When it began: part of every key by which it is found."""
        return Micros(self.cells[1])

    @property
    def place(self) -> tuple[Any, Any, Any]:
        """Where it is found, as columns of `lock_traces` say it of what is stored."""
        return (self.cells[1], self.cells[_LABELS], self.cells[_AGENTS])


def made(derived: Derived) -> Made:
    """The rows of what was derived."""
    at, trace_id = derived.summary.started_at, derived.summary.trace_id
    shares = tuple([_share(share, at, trace_id) for share in derived.shares])
    return Made(summary_cells(derived), derived.labels, shares)


def _share(share: AgentShare, at: Micros, trace_id: str) -> Cells:
    """Bulk columns of `put_shares`."""
    return (
        *(share.agent, at, trace_id, share.version, share.instance, int(share.is_error)),
        *(share.duration_ns, share.span_count, share.prompt_tokens),
        *(share.completion_tokens, share.cost_nano),
    )
