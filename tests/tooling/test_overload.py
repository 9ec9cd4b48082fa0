"""The benchmark of an overload: what it makes of memory, and of what was acknowledged."""

from __future__ import annotations

import pytest

from bench.traces.endurance import Endured, Kept, kept
from bench.traces.run import spread

WHOLE = Kept(1, 0, 0)
LOAD = {"spans": 1, "seconds": 1.0, "refused": 0, "failed": {}}


def _endured(memory: list[int], acknowledged: Kept = WHOLE, exported: Kept = WHOLE) -> Endured:
    return Endured("sqlite", memory, LOAD, acknowledged, exported)


def test_a_trace_is_gone_or_partial_or_whole() -> None:
    """Spans that nobody acknowledged make up for none of those that are missing."""
    ids = b"".join(bytes([number]) * 16 for number in (1, 2, 3))
    stored = {"01" * 16: 10, "02" * 16: 9, "04" * 16: 10}
    assert kept(ids, 10, stored) == Kept(traces=3, gone=1, partial=1)


def test_nothing_sent_proves_nothing() -> None:
    """A load that was refused altogether is no success."""
    assert not kept(b"", 10, {}).is_whole


def test_memory_of_the_first_minute_is_not_growth() -> None:
    """A service fills its caches, and is flat from then on."""
    assert _endured([50, 80, 100, 100, 100, 100, 100, 100, 100, 102]).is_held
    assert not _endured([100, 100, 100, 100, 105, 110, 115, 120, 125, 130]).is_held


def test_one_lost_trace_is_enough() -> None:
    """Of the load, or of the agent beside it."""
    lost, flat = Kept(1000, 1, 0), [100] * 10
    assert not _endured(flat, acknowledged=lost).is_held
    assert not _endured(flat, exported=lost).is_held
    assert any("1 of 1,000 traces are gone" in line for line in _endured(flat, lost).sentences())


@pytest.mark.parametrize("count", [1, 39, 40, 41, 1000])
def test_a_sample_is_spread_over_everything(count: int) -> None:
    """From the first to near the last, and no larger than was asked for."""
    sample = spread(b"".join(number.to_bytes(16, "big") for number in range(count)), 40)
    assert len(sample) <= 40
    assert len(set(sample)) == len(sample) >= min(count, 20)
    assert int(sample[-1], 16) >= count - 1 - count // 20
