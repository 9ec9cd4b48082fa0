"""A conversation with feedback of every kind, for the tests of what is learned from it."""

from __future__ import annotations

import json

from commonhold import Author, Scope, Stores
from commonhold.model.score import NewScore
from commonhold.testing.factories import message

FORMULA = '=HYPERLINK("http://evil.test","x")'
HOSTILE = "\x1b[31mred\x07 [bold]markup[/bold] \u202egnp.exe"
CALL = {"id": "c1", "type": "function", "function": {"name": "find", "arguments": '{"n": 7}'}}

TALK = (
    message("s1", "You are brief.", role="system"),
    message("u1", "Where is my order?"),
    message("t1", None, role="assistant", tool_calls=[CALL]),
    message("r1", '{"at": "Bern"}', role="tool", tool_call_id="c1"),
    message("a1", [{"type": "text", "text": "In Bern."}], role="assistant"),
    message("u2", "And when will it come?"),
    message("a2", "Never.", role="assistant"),
)
"""Two turns; the first has a call of a tool."""

BEFORE_FIRST = [
    {"role": "system", "content": "You are brief."},
    {"role": "user", "content": "Where is my order?"},
    {"role": "assistant", "tool_calls": [CALL]},
    {"role": "tool", "tool_call_id": "c1", "content": '{"at": "Bern"}'},
]
BEFORE_SECOND = [
    *BEFORE_FIRST,
    {"role": "assistant", "content": "In Bern."},
    {"role": "user", "content": "And when will it come?"},
]

VERDICTS = (
    NewScore(value_num=1, session_id="s", turn_index=0, comment=FORMULA),
    NewScore(value_num=0, session_id="s", turn_index=1, correction="On Friday.", comment=HOSTILE),
    NewScore("tone", "numeric", -0.5, session_id="s", message_id="a2", source="llm"),
    NewScore(value_num=1, session_id="nowhere", turn_index=4),
)
"""A thumbs up, a thumbs down with a correction, a score, and a vote on what never came."""

CHAT = [
    {"messages": [*BEFORE_SECOND, {"role": "assistant", "content": "On Friday."}]},
    {"messages": [*BEFORE_FIRST, {"role": "assistant", "content": "In Bern."}]},
]
PREFERENCE = [
    {
        "prompt": BEFORE_SECOND,
        "chosen": [{"role": "assistant", "content": "On Friday."}],
        "rejected": [{"role": "assistant", "content": "Never."}],
    }
]
"""What is learned from them, newest first."""


async def fill(stores: Stores) -> None:
    """Keep the conversation and what was thought of it, in an order of its own each."""
    agent = stores.bind(Scope(author=Author(agent="orders", user="ada")))
    await agent.sessions.append("s", TALK)
    for verdict in VERDICTS:
        await agent.feedback.put_scores([verdict])


def lines(text: str | bytes) -> list[dict]:
    """The objects of JSON Lines."""
    return [json.loads(line) for line in text.splitlines()]
