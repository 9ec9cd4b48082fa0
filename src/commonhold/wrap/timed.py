"""Operations of a store under the watch of whoever wants to know how they went."""

from __future__ import annotations

from types import TracebackType
from typing import Protocol

from commonhold.errors import CommonholdError
from commonhold.model import clock


class StoreObserver(Protocol):
    """Hears of every finished store operation."""

    def __call__(self, operation: str, outcome: str, seconds: float, /) -> None:
        """Take note of `sessions.put`, say; `outcome` is `ok`, `cancelled` or an error's code."""


class Timed:
    """One operation under the watch."""

    __slots__ = ("_observe", "_operation", "_started")

    def __init__(self, observe: StoreObserver, operation: str) -> None:
        self._observe = observe
        self._operation = operation

    def __enter__(self) -> None:
        self._started = clock.monotonic()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        seconds = clock.monotonic() - self._started
        self._observe(self._operation, _outcome(error), seconds)


def _outcome(error: BaseException | None) -> str:
    if error is None:
        return "ok"
    if isinstance(error, CommonholdError):
        return error.code
    return "internal" if isinstance(error, Exception) else "cancelled"
