"""What is exported is harmless to a spreadsheet, and says why it leaves something out."""

from __future__ import annotations

import csv
import io

import pytest

from commonhold.model.opaque import JsonText
from commonhold.service.lesson_formats import Csv, safe_text
from commonhold.service.lessons import Lesson, Shape, line_of
from commonhold.testing.factories import message, score

ASKED, ANSWERED = message("q", "Where?"), message("a", "Here.", role="assistant")
PICTURE = message("p", [{"type": "image_url", "image_url": {"url": "x"}}])


@pytest.mark.parametrize(
    "text",
    ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx", "\n=1", "  =1", "\uff1d1", "=cmd|' /C calc'!A0"],
)
def test_no_cell_is_a_formula(text: str) -> None:
    """auth.md T17: whatever a spreadsheet would run has a quote in front of it."""
    assert safe_text(text).startswith("'")


def test_a_cell_is_text_and_nothing_else() -> None:
    """Controls are gone, line ends are of one kind, and all else is as it was."""
    assert safe_text("a\x1b[31m\x00b\r\nc\u2028d\te") == "a\ufffd[31m\ufffdb\nc\nd\te"
    assert safe_text("1 - 2 = -1, \"quoted\", 'so', 明日") == "1 - 2 = -1, \"quoted\", 'so', 明日"
    encoder = Csv("records")
    line = line_of("records", Lesson(score(value_num=-0.5, comment='=1,"2"\n3', name="+x")))
    assert isinstance(line, dict)
    head, row = csv.reader(io.StringIO((encoder.head() + encoder.lines([line])).decode(), ""))
    cells = dict(zip(head, row, strict=True))
    assert (cells["comment"], cells["name"], cells["value_num"]) == ('\'=1,"2"\n3', "'+x", "-0.5")
    assert encoder.lines([line]).startswith(b'"fb_1",')


@pytest.mark.parametrize(
    ("shape", "fields", "reason"),
    [
        ("turns", {}, "no turn"),
        ("chat", {"rating": -1, "question": ASKED, "answer": ANSWERED}, "no verdict"),
        ("chat", {"rating": 1}, "no turn"),
        ("chat", {"rating": 1, "question": PICTURE, "answer": ANSWERED}, "no question"),
        ("chat", {"rating": 1, "question": ASKED, "answer": PICTURE}, "no answer"),
        ("preference", {"rating": 1, "question": ASKED}, "no correction"),
        ("preference", {"correction": "There.", "question": ASKED}, "no answer"),
        (
            "preference",
            {"correction": " Here. ", "question": ASKED, "answer": ANSWERED},
            "no change",
        ),
    ],
)
def test_what_teaches_nothing_says_why(
    shape: Shape, fields: dict[str, JsonText], reason: str
) -> None:
    """Each record that gives no line is counted under its reason."""
    assert line_of(shape, Lesson(score(**fields))) == reason


def test_a_correction_teaches_without_the_answer() -> None:
    """What should have been said is enough for fine-tuning; a pair wants both."""
    told = line_of("chat", Lesson(score(rating=-1, question=ASKED, correction="There.")))
    assert told == {
        "messages": [
            {"role": "user", "content": "Where?"},
            {"role": "assistant", "content": "There."},
        ]
    }
