"""The conversation before an answer, as it was when the answer was written."""

from __future__ import annotations

from collections.abc import Sequence

from commonhold.contract.sessions import Sessions
from commonhold.errors import NotFound
from commonhold.model.chat import Chat, chat_of
from commonhold.model.score import Score
from commonhold.model.session import Message, MessageQuery

MAX_MESSAGES = 100
"""Messages before an answer that are read."""

MAX_SYSTEM = 5
"""What the system said before those, of each role it has."""


async def before_answer(sessions: Sessions, score: Score) -> Sequence[Chat]:
    """What was said before the answer that a score is about; empty where that is not known."""
    session_id, seq = score.turn.session_id, score.turn.seq
    if session_id is None or seq is None:
        return ()
    asked = MessageQuery(before=seq + 1, limit=MAX_MESSAGES + 1, include_superseded=True)
    try:
        page = await sessions.messages(session_id, asked)
        *earlier, answer = page.items or (None,)
        if answer is None or answer.seq != seq:
            return ()
        system = [] if page.cursor is None else await _system(sessions, session_id, earlier[0].seq)
    except NotFound:  # deleted meanwhile, and the question with it
        return ()
    seen = [each for each in (*system, *earlier) if _was_seen(each, answer)]
    return [chat for each in seen for chat in chat_of(each.content)]


async def _system(sessions: Sessions, session_id: str, before: int) -> list[Message]:
    """The last that the system said before a message: a long conversation began with it."""
    found: list[Message] = []
    for role in ("system", "developer"):
        asked = MessageQuery(before=before, limit=MAX_SYSTEM, role=role, include_superseded=True)
        found += (await sessions.messages(session_id, asked)).items
    return sorted(found, key=lambda each: each.seq)


def _was_seen(message: Message, answer: Message) -> bool:
    """Whether it was part of the history when the answer was written."""
    return message.superseded_at is None or message.superseded_at > answer.created_at
