"""Ranges of time, cut into what is counted."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from commonhold.model.windows import DAY, HOUR, MINUTE, pieces


@given(st.integers(0, 400 * DAY), st.integers(1, 200 * DAY))
def test_a_range_is_counted_without_gap_and_reads_records_of_two_minutes_at_most(
    start: int, length: int
) -> None:
    """Whatever its ends are: so a range costs the same, however many records it has."""
    cut = sorted(pieces(None, start, start + length), key=lambda piece: piece.since)
    assert [piece.since for piece in cut[1:]] == [piece.until for piece in cut[:-1]]
    assert (cut[0].since, cut[-1].until) == (start, start + length)
    for piece in cut:
        width = {"r": 1, "m": MINUTE, "h": HOUR, "d": DAY}[piece.level]
        assert piece.since % width == piece.until % width == 0
    records = [piece.until - piece.since for piece in cut if piece.level == "r"]
    assert len(records) <= 2
    assert all(width < MINUTE for width in records) or length < 2 * MINUTE
    assert sum(piece.until - piece.since for piece in cut if piece.level == "m") < 2 * HOUR
