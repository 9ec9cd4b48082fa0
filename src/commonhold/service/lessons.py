"""What a record of feedback teaches: a line of an export, or the reason why it gives none. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from commonhold.model import wire_scores
from commonhold.model.chat import Chat, last_text, prompt, said
from commonhold.model.page import encode_cursor
from commonhold.model.score import Score
from commonhold.model.wire import Wire

Shape = Literal["records", "turns", "chat", "preference"]
SHAPES: tuple[Shape, ...] = get_args(Shape)

TRAINING: tuple[Shape, ...] = ("chat", "preference")
"""Shapes whose lines are for a trainer, which knows no other fields."""

MAX_PROMPT = 200_000
"""Characters of a conversation that are told before an answer: its end, if it is longer."""

Skipped = Literal["no turn", "no verdict", "no correction", "no question", "no answer", "no change"]

REASONS: Mapping[Skipped, str] = {
    "no turn": "of a turn that is not known",
    "no verdict": "neither a thumbs up nor a correction",
    "no correction": "without a correction",
    "no question": "on a turn without a question in text",
    "no answer": "on a turn without an answer in text",
    "no change": "with a correction that repeats the answer",
}


@dataclass(frozen=True, slots=True)
class Lesson:
    """One record and what it is about; `before` is the conversation up to the answer."""

    score: Score
    before: Sequence[Chat] = ()


def line_of(shape: Shape, lesson: Lesson) -> Wire | Skipped:
    """The line that a record gives, or why it gives none."""
    if shape == "records":
        return _record(lesson.score)
    return _OF[shape](lesson)


def teaches(shape: Shape, score: Score) -> bool:
    """Whether a record may give a line for a trainer, as far as it tells by itself."""
    return bool(score.correction) or (shape == "chat" and score.rating == 1)


def cursor_of(score: Score) -> str:
    """The cursor that goes on after a record, in any list that has it."""
    return encode_cursor((score.created_at, score.score_id))


def _record(score: Score) -> Wire:
    return {**wire_scores.score_out(score), "cursor": cursor_of(score)}


def _turn(lesson: Lesson) -> Wire | Skipped:
    score = lesson.score
    if score.question is None and score.answer is None:
        return "no turn"
    told = wire_scores.score_out(score)
    question, answer = _question(score), _answer(score)
    return {**told, "question": question, "answer": answer, "cursor": cursor_of(score)}


def _chat(lesson: Lesson) -> Wire | Skipped:
    """A line of fine-tuning: the conversation, and the answer as it should be."""
    score = lesson.score
    if not teaches("chat", score):
        return "no verdict"
    asked = _prompt(lesson)
    if not isinstance(asked, list):
        return asked
    answer = score.correction or _answer(score)
    return {"messages": [*asked, _assistant(answer)]} if answer else "no answer"


def _preference(lesson: Lesson) -> Wire | Skipped:
    """A pair in the conversational form of preference data sets."""
    score = lesson.score
    if not score.correction:
        return "no correction"
    asked = _prompt(lesson)
    if not isinstance(asked, list):
        return asked
    answer = _answer(score)
    if not answer:
        return "no answer"
    if answer.strip() == score.correction.strip():
        return "no change"
    chosen, rejected = _assistant(score.correction), _assistant(answer)
    return {"prompt": asked, "chosen": [chosen], "rejected": [rejected]}


_OF = {"turns": _turn, "chat": _chat, "preference": _preference}


def _prompt(lesson: Lesson) -> list[Chat] | Skipped:
    score = lesson.score
    if score.question is None and not lesson.before:
        return "no turn"
    return prompt(lesson.before or said(score.question, "user"), MAX_PROMPT) or "no question"


def _question(score: Score) -> str | None:
    return last_text(said(score.question, "user"), "user") if score.question else None


def _answer(score: Score) -> str | None:
    return last_text(said(score.answer, "assistant"), "assistant") if score.answer else None


def _assistant(text: str) -> Chat:
    return {"role": "assistant", "content": text}
