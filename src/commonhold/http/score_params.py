"""Query parameters that feedback and scores share."""

from __future__ import annotations

from commonhold.http.params import CURSOR, SINCE, UNTIL, Param, choice, clamped, number, text
from commonhold.model.page import DEFAULT_LIMIT, MAX_LIMIT, MAX_OFFSET
from commonhold.model.score import DATA_TYPES
from commonhold.model.score_stats import GROUPS

_FAR = 1e15
_YES = {"true": True, "false": False}

FILTERS: tuple[Param, ...] = (
    clamped("limit", "How many at most.", default=DEFAULT_LIMIT, least=1, most=MAX_LIMIT),
    CURSOR,
    clamped("offset", "How many to skip.", default=0, least=0, most=MAX_OFFSET),
    text("trace_id", "Only records on this trace, in any spelling of its id."),
    text("session_id", "Only records on this session."),
    text("user_id", "Only records of this user."),
    text("agent_type", "Only records on this type of agent."),
    text("agent", "Only records on answers of this agent."),
    text("model", "Only records on answers of this model."),
    text("label", "Only records with this label."),
    text("source", "Only records of this source: human, llm or code."),
    choice("rating", "Only thumbs up (1), or down (-1).", {"1": 1, "-1": -1}),
    choice("has_comment", "Only records with a comment, or without.", _YES),
    choice("has_correction", "Only records with a correction, or without.", _YES),
    text("q", "Only records that have all these words in comment and correction."),
    choice(
        "expand",
        "`turn` adds the question and the answer that each record is about.",
        {"turn": True},
        default=False,
        into="turns",
    ),
    SINCE,
    UNTIL,
)
"""Of a list of either."""

OF_SCORES: tuple[Param, ...] = (
    text("name", "Only scores of this name."),
    text(
        "data_type",
        "Only scores of this type.",
        schema={"type": "string", "enum": list(DATA_TYPES)},
    ),
    number("min_value", "Only values from this on.", least=-_FAR, most=_FAR),
    number("max_value", "Only values up to this.", least=-_FAR, most=_FAR),
)
"""Of a list of scores, besides."""

COUNTED: tuple[Param, ...] = (
    text("tz", "The time zone whose windows are meant, by its name: `Europe/Berlin`."),
    text(
        "group_by",
        "What to count apart.",
        schema={"type": "string", "enum": list(GROUPS)},
    ),
    text("agent", "Only records on answers of this agent."),
    text("model", "Only records on answers of this model."),
    text("name", "Only scores of this name."),
    text("label", "Only records with this label."),
    text("source", "Only records of this source: human, llm or code."),
)
"""What only the newer statistics are asked."""
