"""For whom an agent acts right now: the credential of its user, for as long as that is served."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_USER: ContextVar[str | None] = ContextVar("commonhold_user", default=None)


@contextmanager
def acting_for(token: str) -> Iterator[None]:
    """Let a service see the user's `token` beside the agent's own, in whatever is called meanwhile.

    Tasks that are begun within it go on acting for that user; others are not touched. Stores that
    are no service know nothing of tokens.

        with commonhold.acting_for(request_token):
            await stores.sessions.append("s1", messages)
    """
    before = _USER.set(token)
    try:
        yield
    finally:
        _USER.reset(before)


def user_token() -> str | None:
    """The token of the user for whom the caller acts, if it does."""
    return _USER.get()
