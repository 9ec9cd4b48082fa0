"""What the services of one server share."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field

from commonhold.service.audit_watch import Watch
from commonhold.service.gate import Gate
from commonhold.wrap import Bind

Answered = Callable[[str, str, int, float], None]
"""Told of every request: method, route, status as HTTP would have it, seconds."""


@dataclass(frozen=True, slots=True)
class Desk:
    """Where requests are admitted, bound to their author, and counted.

    `loopback_only` refuses callers of other machines: it belongs to the mode that asks nobody who
    they are. `watch` is told of what is refused.
    """

    gate: Gate
    bind: Bind
    answered: Answered
    max_body_bytes: int
    loopback_only: bool = True
    watch: Watch | None = None

    @contextmanager
    def admitted(self) -> Generator[Holding, None, None]:
        """One request, counted at the gate together with the bytes that it holds.

        Raises:
            Unavailable: there are too many.
        """
        holding = Holding(self.gate)
        self.gate.requests += 1
        try:
            self.gate.admit()
            yield holding
        finally:
            self.gate.requests -= 1
            self.gate.bytes -= holding.held


@dataclass(slots=True)
class Holding:
    """The bytes of one request that are counted at the gate."""

    gate: Gate
    held: int = field(default=0, init=False)

    def hold(self, size: int) -> None:
        """Count it as `size` bytes, unless it is counted as more already.

        Raises:
            Unavailable: they do not fit.
        """
        if size > self.held:
            self.gate.hold(size - self.held)
            self.held = size
