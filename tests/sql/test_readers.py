"""Readers: when a PUT may come from somebody with an older view."""

from __future__ import annotations

from commonhold.model.clock import Micros
from commonhold.sql.readers import LIFETIME, SESSIONS_REMEMBERED, Readers


def test_one_agent_that_reads_and_writes_is_never_in_doubt() -> None:
    """Read, write, read, write: every write follows its own read."""
    readers = Readers()
    for version in range(50):
        readers.note("t", "s", version)
        assert not readers.in_doubt("t", "s", version)
        readers.settle("t", "s", behind=False)


def test_the_second_of_two_readers_of_nothing_is_in_doubt() -> None:
    """Its list may come from before the first one's write."""
    readers = Readers()
    readers.note("t", "s", 0)
    readers.note("t", "s", 0)
    readers.settle("t", "s", behind=False)

    assert readers.in_doubt("t", "s", 1)


def test_a_writer_that_was_behind_stays_in_doubt_for_a_while() -> None:
    """It may send the same list again, or grow it without reading."""
    now = [0]
    readers = Readers(lambda: Micros(now[0]))
    readers.settle("t", "s", behind=True)
    readers.note("t", "s", 2)
    readers.settle("t", "s", behind=False)

    assert readers.in_doubt("t", "s", 3)
    now[0] = LIFETIME + 1
    assert not readers.in_doubt("t", "s", 3)


def test_a_writer_that_never_read_is_not_in_doubt() -> None:
    """Then the plain rule applies."""
    readers = Readers()
    readers.settle("t", "s", behind=False)

    assert not readers.in_doubt("t", "s", 3)


def test_a_read_that_no_write_followed_is_forgotten_in_time() -> None:
    """A person who only looked does not leave a doubt for ever."""
    now = [0]
    readers = Readers(lambda: Micros(now[0]))
    readers.note("t", "s", 0)
    assert readers.in_doubt("t", "s", 1)
    now[0] = LIFETIME + 1

    assert not readers.in_doubt("t", "s", 1)


def test_memory_is_bounded() -> None:
    """The oldest sessions are forgotten first."""
    readers = Readers()
    for n in range(SESSIONS_REMEMBERED + 10):
        readers.note("t", f"s{n}", 0)

    assert not readers.in_doubt("t", "s0", 1)
    assert readers.in_doubt("t", f"s{SESSIONS_REMEMBERED + 9}", 1)
