"""The fixtures of the conformance suite: override `backend`, and any other that does not fit.

`backend` has no default: it is the store to prove, open, and empty for each test.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from commonhold.contract.capabilities import Capabilities
from commonhold.contract.stores import Backend
from commonhold.model import clock as wall
from commonhold.model.clock import Micros
from commonhold.model.scope import Author, Scope

pytest.register_assert_rewrite("commonhold.testing.suite")

__all__ = [
    "Actor",
    "Capabilities",
    "StoppedClock",
    "acting_as",
    "capabilities",
    "clock",
    "excused",
]

NOON = Micros(1_777_291_200_000_000)
"""2026-04-27T12:00:00Z, a Monday."""

SECOND = 1_000_000
"""One second in microseconds."""

Actor = Callable[[str], Backend]
"""Gives the backend on behalf of the named agent."""

_REQUIREMENT = re.compile(r"([STFB]\d+)\. ")


class StoppedClock:
    """A clock that stands still until it is moved, so that a test chooses its times and ties."""

    def __init__(self, at: Micros = NOON) -> None:
        self.at = at

    def __call__(self) -> Micros:
        return self.at

    def set(self, at: int) -> Micros:
        """Move to `at` microseconds."""
        self.at = Micros(at)
        return self.at

    def advance(self, seconds: float = 1.0) -> Micros:
        """Move on by `seconds`."""
        return self.set(self.at + round(seconds * SECOND))


@pytest.fixture
def capabilities() -> Capabilities:
    """Nothing is excused."""
    return Capabilities()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> StoppedClock:
    """The one clock that stores read, standing at a Monday noon."""
    stopped = StoppedClock()
    monkeypatch.setattr(wall, "now", stopped)
    return stopped


@pytest.fixture
def acting_as(backend: Backend) -> Actor:
    """The backend as one agent writes to it."""

    def act(agent: str) -> Backend:
        return backend.bind(Scope(author=Author(agent=agent)))

    return act


@pytest.fixture(autouse=True)
def excused(request: pytest.FixtureRequest, capabilities: Capabilities) -> None:
    """Expect an excused test to fail, strictly: an excuse must not outlive its reason."""
    function = request.function
    reason = capabilities.excused.get(function.__name__)
    if reason is None:
        reason = capabilities.excused.get(requirement_of(function) or "")
    if reason is not None:
        request.applymarker(pytest.mark.xfail(reason=reason, strict=True))


def requirement_of(test: Callable[..., object]) -> str | None:
    """The number of the requirement a test proves, out of its docstring: `S3`."""
    found = _REQUIREMENT.match(test.__doc__ or "")
    return found.group(1) if found else None
