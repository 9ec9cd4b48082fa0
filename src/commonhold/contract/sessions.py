"""The contract of session storage."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Protocol

from commonhold.model.opaque import JsonText
from commonhold.model.page import Page
from commonhold.model.session import (
    Appended,
    History,
    HistoryStream,
    Message,
    MessageQuery,
    NewSession,
    PutMode,
    Session,
    SessionQuery,
    Written,
)
from commonhold.model.timeline import Moment, TimelineQuery
from commonhold.model.turns import Event, Handoff, Lease, Participant, Removed, Repaired
from commonhold.model.usage import Usage


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
    S10. While a lease is held, the log takes writes with its token alone; a token is never given
        twice, only grows, and once it has ended no write that carries it is taken, ever.
    S11. Every message and event has a sequence of its own, and whoever follows the log from a
        sequence misses nothing behind it and sees nothing twice.
    S12. A search finds every session that has a message with all the words, whoever superseded it.
    S13. A request with an idempotency key is carried out once for its author, however often it is
        sent (`commonhold.model.once`).
    """

    async def create(self, new: NewSession = ..., /, *, key: str | None = None) -> Session:
        """Create an empty session; the store gives the id when none is chosen.

        Then `key` makes a retry harmless: it gets the session that the first attempt made.

        Raises:
            Conflict: the id is taken, or the key was used for another session.
        """

    async def find(self, session_id: str, /) -> Session | None:
        """The session without its messages and without a look at its tool calls, or None."""

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

    async def stream(self, session_id: str, /) -> HistoryStream:
        """The live messages at one version, piece by piece, in memory that does not grow with them.

        Raises:
            NotFound: no such session.
            Conflict: while reading the pieces, when the session is deleted meanwhile.
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
        lease: int | None = None,
    ) -> Written:
        """Save a whole message list, each message as JSON text; creates the session when missing.

        `mode="replace"`, or `if_match` (a version), makes it an exact replacement - except for
        messages that are not this writer's to remove, which are kept and counted.

        Raises:
            InvalidRequest: a message is not a JSON object.
            StaleVersion: the session is not at `if_match`.
            LeaseHeld: another runner has the turn.
            LeaseEnded: `lease` is a token that is no longer, or never was, the current one.
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
        lease: int | None = None,
    ) -> Appended:
        """Add messages at the end of the log, each as JSON text, whatever its age.

        A message whose id the log has already is not added again, and `key` gives ids to those
        that have none, so a retry is harmless and gets the first answer.

        Raises:
            InvalidRequest: a message is not a JSON object, or an id is there twice.
            Conflict: an id stands for another content in this session.
            StaleVersion: the session is not at `if_match`.
            NotFound: no such session, and `create` is false.
            LeaseHeld: another runner has the turn.
            LeaseEnded: `lease` is a token that is no longer, or never was, the current one.
        """

    async def cost(self, session_id: str, /) -> JsonText:
        """The session's `cost_data`, a JSON object.

        Raises:
            NotFound: no such session.
        """

    async def patch_cost(self, session_id: str, patch: Mapping[str, Any] | str, /) -> JsonText:
        """Merge `patch` into `cost_data` by top-level key and return the result.

        Under `$inc` stand numbers to add, nested as the data is: two that add lose nothing.

        Raises:
            NotFound: no such session.
            InvalidRequest: an increment is no number, or what it is added to.
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

    async def fork(
        self, session_id: str, /, *, at: int | None = None, key: str | None = None
    ) -> Session:
        """A new session with the first `at` live messages of this one (all when None).

        The copy is made inside the database and remembers its parent. With the same `key` it is
        made once, and a retry gets it as it is by then.

        Raises:
            NotFound: no such session.
            Conflict: the key was used for a fork at another message.
            OutOfRange: `at` is outside the live history.
        """

    async def revert(
        self, session_id: str, /, *, to: int, lease: int | None = None, key: str | None = None
    ) -> Written:
        """Keep the first `to` live messages and supersede the rest.

        With the same `key` it is done once, and a retry gets the first answer.

        Raises:
            NotFound: no such session.
            OutOfRange: `to` is outside the live history.
            Conflict: the key was used for another revert.
            LeaseHeld, LeaseEnded: as for `append`.
        """

    async def lease(
        self,
        session_id: str,
        /,
        *,
        ttl_s: float,
        holder: str | None = None,
        token: int | None = None,
        wait_s: float = 0.0,
    ) -> Lease:
        """Take the turn for `ttl_s` seconds, or renew the one that `token` stands for.

        Creates the session when missing. `holder` says who runs it, the author when None. `wait_s`
        is how long to wait for another runner to release the turn or to let it expire.

        Raises:
            InvalidRequest: a time or a name is outside of what is allowed.
            LeaseHeld: another runner has the turn; it names the runner and says until when.
            LeaseEnded: the turn of `token` is over.
        """

    async def release(self, session_id: str, /, *, token: int) -> None:
        """Give the turn back before it expires.

        Raises:
            NotFound: no such session.
            LeaseEnded: the turn of `token` is over.
        """

    async def handoff(
        self,
        session_id: str,
        to_agent: str,
        /,
        *,
        reason: str | None = None,
        brief: str | None = None,
        lease: int | None = None,
        key: str | None = None,
    ) -> Handoff:
        """Hand the conversation to another agent, which holds it from now on.

        It is recorded in the log, and ends the lease. With the same `key` it is done once, and a
        retry gets the first answer.

        Raises:
            NotFound: no such session.
            InvalidRequest: `to_agent` cannot be an agent's name, or a text is too long.
            Conflict: the key was used for another handoff.
            LeaseHeld, LeaseEnded: as for `append`.
        """

    async def repair(
        self,
        session_id: str,
        /,
        *,
        reason: str | None = None,
        lease: int | None = None,
        key: str | None = None,
    ) -> Repaired:
        """Close tool calls without a result, each right behind the message that made it.

        `reason` is what the results say. With the same `key` a retry gets the first answer.

        Raises:
            NotFound: no such session.
            Conflict: the key was used for another repair.
            LeaseHeld, LeaseEnded: as for `append`.
        """

    async def participants(self, session_id: str, /) -> tuple[Participant, ...]:
        """Who wrote in the session, in the order of their first message.

        Raises:
            NotFound: no such session.
        """

    async def usage(self, session_id: str, /) -> Usage:
        """What the session used, by its cost data, and what that costs at list prices.

        Raises:
            NotFound: no such session.
        """

    async def timeline(self, session_id: str, query: TimelineQuery = ..., /) -> Page[Moment]:
        """Messages, events, traces and feedback of the session in one order, oldest first.

        Raises:
            NotFound: no such session.
        """

    def events(
        self, session_id: str, /, *, after: int | None = None
    ) -> AsyncIterator[Message | Event]:
        """Follow the log: every message and event behind `after`, then each new one as it comes.

        Without `after` it begins with what comes next. It ends when the session is deleted.

        Raises:
            NotFound: no such session (when it is first awaited).
        """

    async def list(self, query: SessionQuery = ..., /) -> Page[Session]:
        """A page of sessions, newest first, without messages."""

    async def delete(self, session_id: str, /) -> Removed:
        """Remove the session with everything in it, and say what that was.

        Raises:
            NotFound: no such session.
        """
