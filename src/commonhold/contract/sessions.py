"""The contract of session storage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from commonhold.model.opaque import JsonText
from commonhold.model.page import Page
from commonhold.model.session import (
    Appended,
    History,
    Message,
    MessageQuery,
    NewSession,
    PutMode,
    Session,
    SessionQuery,
    Written,
)


class Sessions(Protocol):
    """Sessions of one tenant, written as one author.

    S1. A method that returns has committed; one that raises has changed nothing.
    S2. What anyone wrote stays readable. A message leaves the live history only by being
        superseded, and `messages(include_superseded=True)` still shows it.
    S3. `put` speaks only for what its writer had seen (see `commonhold.model.merge`).
    S4. Contents are opaque: they come back exactly as sent, in the same order.
    S5. An id that could not be stored cannot exist: reads raise `NotFound`, writes
        `InvalidRequest`.
    S6. Concurrent merges of different keys (`patch_cost`, `patch_state`) keep every key.
    S7. Lists are newest first by creation, ties broken by id, and a cursor resumes without a gap
        or a repeat while rows arrive.
    S8. Another tenant's rows do not exist.
    S9. An append keeps every message of every writer, and repeating it changes nothing and gets
        the first answer.
    """

    async def create(self, new: NewSession = ..., /) -> Session:
        """Create an empty session; the store gives the id when none is chosen.

        Raises:
            Conflict: the id is taken.
        """

    async def find(self, session_id: str, /) -> Session | None:
        """The session without its messages, or None."""

    async def get(self, session_id: str, /) -> Session:
        """The session without its messages.

        Raises:
            NotFound: no such session.
        """

    async def history(self, session_id: str, /) -> History:
        """The live messages, as one JSON array assembled by the database.

        Raises:
            NotFound: no such session.
        """

    async def messages(self, session_id: str, query: MessageQuery = ..., /) -> Page[Message]:
        """A stretch of the log in sequence order.

        Raises:
            NotFound: no such session.
        """

    async def put(
        self,
        session_id: str,
        messages: Sequence[str],
        /,
        *,
        mode: PutMode = "merge",
        if_match: int | None = None,
    ) -> Written:
        """Save a whole message list, each message as JSON text; creates the session when missing.

        `mode="replace"`, or `if_match` (a version), makes it an exact replacement - except for
        messages that are not this writer's to remove, which are kept and counted.

        Raises:
            InvalidRequest: a message is not a JSON object.
            StaleVersion: the session is not at `if_match`.
        """

    async def append(
        self,
        session_id: str,
        messages: Sequence[str],
        /,
        *,
        if_match: int | None = None,
        create: bool = True,
        key: str | None = None,
    ) -> Appended:
        """Add messages at the end of the log, each as JSON text, whatever its age.

        A message whose id the log has already is not added again, and `key` gives ids to those
        that have none, so a retry is harmless and gets the first answer.

        Raises:
            InvalidRequest: a message is not a JSON object, or an id is there twice.
            Conflict: an id stands for another content in this session.
            StaleVersion: the session is not at `if_match`.
            NotFound: no such session, and `create` is false.
        """

    async def cost(self, session_id: str, /) -> JsonText:
        """The session's `cost_data`, a JSON object.

        Raises:
            NotFound: no such session.
        """

    async def patch_cost(self, session_id: str, patch: Mapping[str, Any] | str, /) -> JsonText:
        """Merge `patch` into `cost_data` by top-level key and return the result.

        Raises:
            NotFound: no such session.
        """

    async def state(self, session_id: str, /) -> JsonText:
        """The agent's state fields (pending question, open tool calls ...), a JSON object.

        Raises:
            NotFound: no such session.
        """

    async def patch_state(self, session_id: str, patch: Mapping[str, Any] | str, /) -> JsonText:
        """Merge `patch` into the state by top-level key and return the result.

        Raises:
            NotFound: no such session.
        """

    async def fork(self, session_id: str, /, *, at: int | None = None) -> Session:
        """A new session with the first `at` live messages of this one (all when None).

        The copy is made inside the database and remembers its parent.

        Raises:
            NotFound: no such session.
            OutOfRange: `at` is outside the live history.
        """

    async def revert(self, session_id: str, /, *, to: int) -> Written:
        """Keep the first `to` live messages and supersede the rest.

        Raises:
            NotFound: no such session.
            OutOfRange: `to` is outside the live history.
        """

    async def list(self, query: SessionQuery = ..., /) -> Page[Session]:
        """A page of sessions, newest first, without messages."""

    async def delete(self, session_id: str, /) -> None:
        """Remove the session with everything in it.

        Raises:
            NotFound: no such session.
        """
