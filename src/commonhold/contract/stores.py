"""The three surfaces together, and where each is kept."""

from __future__ import annotations

from contextlib import AsyncExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self

from commonhold.contract.feedback import Feedback
from commonhold.contract.sessions import Sessions
from commonhold.contract.traces import Traces
from commonhold.model.scope import Scope


class Backend(Protocol):
    """One place that keeps all three surfaces.

    B1. `bind` is cheap and shares every connection; its result is used like the original.
    B2. After `aclose` every method raises `Closed`; closing twice is harmless.
    """

    @property
    def sessions(self) -> Sessions:
        """Session storage."""

    @property
    def traces(self) -> Traces:
        """Trace storage."""

    @property
    def feedback(self) -> Feedback:
        """Feedback storage."""

    def bind(self, scope: Scope, /) -> Backend:
        """The same storage, seen and written on behalf of `scope`."""

    async def check(self) -> None:
        """Return when the storage can serve.

        Raises:
            Unavailable: it cannot, and the detail says why.
        """

    async def aclose(self) -> None:
        """Finish what is in flight and release everything."""


@dataclass(frozen=True, slots=True)
class Stores:
    """What `commonhold.connect` returns: three surfaces, each on a backend of its own choice."""

    sessions: Sessions
    traces: Traces
    feedback: Feedback
    backends: tuple[Backend, ...]
    owners: tuple[int, int, int] = (0, 0, 0)

    @classmethod
    def over(cls, sessions: Backend, traces: Backend, feedback: Backend) -> Self:
        """Combine up to three backends; the same one given twice is opened and closed once."""
        distinct: list[Backend] = []
        owners: list[int] = []
        for backend in (sessions, traces, feedback):
            at = next((i for i, known in enumerate(distinct) if known is backend), None)
            if at is None:
                at = len(distinct)
                distinct.append(backend)
            owners.append(at)
        return cls(
            sessions.sessions,
            traces.traces,
            feedback.feedback,
            tuple(distinct),
            (owners[0], owners[1], owners[2]),
        )

    @classmethod
    def on(cls, backend: Backend) -> Self:
        """All three surfaces on one backend."""
        return cls.over(backend, backend, backend)

    def bind(self, scope: Scope) -> Stores:
        """The same storage, seen and written on behalf of `scope`."""
        bound = [backend.bind(scope) for backend in self.backends]
        sessions, traces, feedback = (bound[at] for at in self.owners)
        return Stores(
            sessions.sessions, traces.traces, feedback.feedback, tuple(bound), self.owners
        )

    async def check(self) -> None:
        """Return when every backend can serve.

        Raises:
            Unavailable: one cannot, and the detail says why.
        """
        for backend in self.backends:
            await backend.check()

    async def aclose(self) -> None:
        """Close every backend; when one fails to, the others are closed all the same."""
        async with AsyncExitStack() as closing:
            for backend in self.backends:
                closing.push_async_callback(backend.aclose)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()
