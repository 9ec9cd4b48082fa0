"""Feedback as a table, one below the other where no table fits, or with what it is about."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from commonhold.cli.columns import Cells, fitting, print_stacked, print_table, print_whole
from commonhold.cli.console import out
from commonhold.cli.conversation import Palette
from commonhold.cli.plain import quoted, visible
from commonhold.cli.times import day, local
from commonhold.model import clock
from commonhold.model.chat import last_text, said
from commonhold.model.feedback import ANONYMOUS
from commonhold.model.score import THUMBS, Score

UP, DOWN = "▲ up", "▼ down"
MOST_TEXT = 2000
"""Characters of a question, an answer or a remark that are shown below a record."""

_SPARE = ("score", "trace", "by", "user", "turn", "model", "session")
"""What a table can do without, the first first."""

_SAID = ("vote", "name", "agent")
_ABOUT = ("given", "user", "model", "session")
"""Without a table: what stands in the first line of a record, and what below it."""


def print_feedback(found: Sequence[Score]) -> None:
    """Print records in the order given; to a pipe always as a table, with nothing cut."""
    cells = _cells(found)
    if not out.is_terminal:
        print_whole(cells, "remark", out)
    elif table := fitting(cells, "remark", _SPARE, out.width):
        print_table(table, "remark", out)
    else:
        heads = [Text("  ").join(_filled(cells, _SAID, at)) for at in range(len(found))]
        rest = [_filled(cells, (*_ABOUT, "remark"), at) for at in range(len(found))]
        print_stacked(heads, rest, out)


def print_turns(found: Sequence[Score]) -> None:
    """Print records one below the other, each with question and answer, and what was remarked."""
    cells = _cells(found)
    for at, score in enumerate(found):
        if at:
            out.print()
        about = _filled(cells, _ABOUT, at)
        if score.turn.index is not None:
            about.append(Text(f"turn {score.turn.index}", "dim"))
        _print_head(_filled(cells, _SAID, at), about)
        for label, text in _exchange(score):
            _print_below(label, text)


def verdict(score: Score) -> Text:
    """What a score says in a word or two."""
    if score.rating is not None:
        return Text(UP, "green") if score.rating == 1 else Text(DOWN, "red")
    if score.data_type == "boolean":
        return Text("yes" if score.value_num else "no")
    if score.value_num is not None:
        return Text(f"{score.value_num:g}")
    return quoted(score.label or score.data_type)


def _cells(found: Sequence[Score]) -> dict[str, Sequence[Text]]:
    palette = Palette()
    return {
        "score": [quoted(each.score_id) for each in found],
        "given": [_given(each) for each in found],
        "vote": [verdict(each) for each in found],
        "name": [Text() if each.name == THUMBS else quoted(each.name) for each in found],
        "agent": [quoted(each.turn.agent, palette.of(each.turn.agent)) for each in found],
        "model": [quoted(each.turn.model or "") for each in found],
        "session": [_session(each) for each in found],
        "turn": [_turn(each) for each in found],
        "trace": [quoted(each.turn.trace_id or each.trace_id or "") for each in found],
        "user": [_user(each) for each in found],
        "by": [_by(each) for each in found],
        "remark": [_remark(each) for each in found],
    }


def _given(score: Score) -> Text:
    """When: the time if it was today, and the date without the seconds otherwise."""
    if out.is_terminal and day(score.created_at) == day(clock.now()):
        return Text(local(score.created_at, with_date=False), "dim")
    told = local(score.created_at)
    return Text(told[:-3] if out.is_terminal else told, "dim")


def _session(score: Score) -> Text:
    return quoted(score.turn.session_id or score.session_id or "")


def _turn(score: Score) -> Text:
    """The number of the turn, from 0; a mark where it is not there yet."""
    if score.turn.state == "pending":
        return Text("pending", "yellow")
    return Text("" if score.turn.index is None else str(score.turn.index), "dim", justify="right")


def _user(score: Score) -> Text:
    return Text() if score.user_id == ANONYMOUS else quoted(score.user_id)


def _by(score: Score) -> Text:
    """What gave it, where no person did."""
    told = (score.source, score.source_id or "")
    return Text() if score.source == "human" else quoted(" ".join(filter(None, told)), "dim")


def _remark(score: Score) -> Text:
    """The comment, and the correction behind an arrow."""
    told = quoted(score.comment or "")
    if score.correction:
        told.append(" → " if told else "→ ", "dim").append_text(quoted(score.correction, "cyan"))
    return told


def _print_head(vote: Sequence[Text], about: Sequence[Text]) -> None:
    if out.is_terminal:
        print_stacked([Text("  ").join(vote)], [about], out)
    else:
        out.print(Text("  ").join((*vote, *about)), soft_wrap=True)


def _filled(cells: Cells, names: Sequence[str], at: int) -> list[Text]:
    return [cells[name][at] for name in names if cells[name][at]]


def _exchange(score: Score) -> list[tuple[str, str]]:
    asked, answer = said(score.question, "user"), said(score.answer, "assistant")
    told = (
        ("asked", last_text(asked, "user") if score.question else None),
        ("answered", last_text(answer, "assistant") if score.answer else None),
        ("comment", score.comment),
        ("correction", score.correction),
    )
    return [(label, text) for label, text in told if text]


def _print_below(label: str, text: str) -> None:
    told = visible(text if len(text) <= MOST_TEXT else f"{text[:MOST_TEXT]}…")
    indent = " " * 14
    width = out.width if out.is_terminal else 100_000
    lines = Text(told).wrap(out, max(width - len(indent), 20), overflow="fold")
    for number, line in enumerate(lines):
        line.rstrip()
        head = (f"  {label:<12}", "dim") if number == 0 else indent
        out.print(Text.assemble(head, line), soft_wrap=not out.is_terminal)
