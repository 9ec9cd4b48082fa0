"""How a conversation looks, whatever agents put into it."""

from __future__ import annotations

import io
import json
import tracemalloc
import unicodedata
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from rich.text import Text

import commonhold
from commonhold.cli import export, listing
from commonhold.cli.conversation import COLOURS, Conversation, Palette
from commonhold.cli.plain import visible
from commonhold.model.clock import Micros
from commonhold.model.json_lines import json_line
from commonhold.model.opaque import JsonText
from commonhold.model.session import Message, Session
from commonhold.model.turns import Event
from tests.cli.conversations import HOSTILE, texts

AT = Micros(1_777_291_200_000_000)

NAMES = [
    "type",
    "role",
    "content",
    "text",
    "tool_calls",
    "function",
    "name",
    "arguments",
    "input",
    "output",
    "call_id",
    "id",
    "tool_use_id",
    "summary",
    "refusal",
    "reasoning_content",
    "from",
    "to",
    "closed",
    "x",
]
WORDS = [
    "assistant",
    "user",
    "tool",
    "tool_use",
    "tool_result",
    "thinking",
    "reasoning",
    "function_call",
    "function_call_output",
    "input_text",
]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(NAMES) | st.text(max_size=3),
            inner | st.sampled_from(WORDS),
            max_size=5,
        )
    ),
    max_leaves=12,
)


def obeyed(text: str) -> set[str]:
    """What of a text a terminal would obey, or hide."""
    harmful = {"Cc", "Cf", "Cs", "Zl", "Zp"}
    return {each for each in text if unicodedata.category(each) in harmful} - set("\u200c\u200d")


def shown(*entries: Message | Event, width: int = 80) -> str:
    """What a terminal would get, without its colours."""
    console = Console(file=io.StringIO(), width=width, record=True, soft_wrap=True)
    talk = Conversation(console)
    for entry in entries:
        talk.entry(entry)
    return console.export_text()


def message(content: object, *, agent: str = "triage", seq: int = 1) -> Message:
    """A message of a log."""
    role = content.get("role") if isinstance(content, dict) else None
    text = JsonText(json.dumps(content))
    return Message(seq, f"m{seq}", agent, role if isinstance(role, str) else None, text, AT)


def event(kind: str, data: object) -> Event:
    """An event of a log."""
    return Event(1, kind, "triage", JsonText(json.dumps(data)), AT)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ({"role": "assistant", "content": "Hello"}, "  Hello"),
        ({"role": "user", "content": [{"type": "input_text", "text": "Hello"}]}, "  Hello"),
        ({"role": "user", "content": ["Hello"]}, "  Hello"),
        ({"role": "assistant", "content": None, "refusal": "No."}, "  No."),
        ({"role": "assistant", "content": [{"type": "thinking", "thinking": "Hm"}]}, "  Hm"),
        ({"type": "reasoning", "summary": [{"type": "summary_text", "text": "Hm"}]}, "  Hm"),
        (
            {"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": "{}"}}]},
            "  → f()",
        ),
        ({"type": "function_call", "name": "f", "arguments": '{"a":[1]}'}, "  → f(a=[1])"),
        ({"type": "custom_tool_call", "name": "f", "input": "ls -l"}, "  → f(ls -l)"),
        ({"type": "local_shell_call", "action": {"a": 1}}, "  → local_shell_call(a=1)"),
        ({"role": "assistant", "tool_calls": [{"custom": {"name": "f", "input": "x"}}]}, "→ f(x)"),
        ({"type": "function_call_output", "output": "done"}, "  ← done"),
        ({"role": "tool", "content": [{"type": "text", "text": "done"}]}, "  ← done"),
        ({"role": "tool", "content": ""}, "  ← (nothing)"),
        ({"role": "user", "content": [{"type": "image", "data": "A" * 900}]}, "characters more"),
        ({"role": "assistant", "x": 1}, '  {"x":1}'),
        ({"role": "assistant", "content": ""}, "  (nothing)"),
        ([1], "  [1]"),
    ],
)
def test_a_message_is_read_in_the_shape_it_has(content: object, told: str) -> None:
    """OpenAI Chat and Responses, Anthropic, and what is none of them."""
    assert told in shown(message(content))


@pytest.mark.parametrize(
    ("kind", "data", "told"),
    [
        ("lease", {"holder": "w-1", "token": 3}, "w-1 took the turn"),
        ("handoff", {"from": None, "to": "b", "reason": None}, "nobody in particular handed"),
        ("fork", {"from": "s", "at": 1}, "forked from s with 1 message "),
        (
            "revert",
            {"to": 2, "superseded": 3, "kept": 1},
            "3 messages superseded, kept 1 of others",
        ),
        ("repair", {"closed": ["c1", "c2"]}, "triage closed 2 open tool calls: c1, c2"),
        ("supersede", {"superseded": 1, "added": 2}, "1 message superseded, 2 messages new"),
        ("moved", {"to": "the moon"}, 'moved: {"to": "the moon"}'),
        ("lease", [], "lease: []"),
    ],
)
def test_an_event_is_a_sentence(kind: str, data: object, told: str) -> None:
    """Also one of a kind that is not known yet."""
    assert told in shown(event(kind, data), width=120)


@given(content=JSON)
def test_no_message_breaks_a_conversation(content: Any) -> None:
    """Whatever JSON it is, and nothing in it reaches the terminal as it is."""
    told = shown(message(content), event("handoff", content), event("repair", content))

    assert obeyed(told) <= {"\n"}


def test_text_wraps_to_the_terminal() -> None:
    """With its indentation."""
    said = {"role": "assistant", "content": "word " * 40 + "\n\n  - a list"}

    told = shown(message(said), width=40)

    assert max(map(len, told.splitlines())) <= 40
    assert "\n  word word" in told
    assert "\n    - a list" in told


def test_markup_and_escapes_are_text() -> None:
    """In what is said, in names, in calls, results and reasons."""
    call = {"type": "function_call", "name": HOSTILE, "call_id": "c", "arguments": HOSTILE}
    told = shown(
        message({"role": "assistant", "content": HOSTILE}),
        message({"role": HOSTILE, "content": "x"}, agent=HOSTILE),
        message(call),
        message({"type": "function_call_output", "call_id": "c", "output": HOSTILE}),
        event("handoff", {"from": HOSTILE, "to": HOSTILE, "reason": HOSTILE}),
        event(HOSTILE, HOSTILE),
        width=1000,
    )

    assert obeyed(told) == {"\n"}
    assert told.count(r"\x1b[31mred\x9b2J \u202egnp.exe [bold]loud[/] \U000e0041") >= 9


def test_writing_that_needs_joiners_keeps_them() -> None:
    """They hide nothing, and Persian and emoji are not readable without."""
    persian, mechanic = "\u0645\u06cc\u200c\u062e", "\U0001f469\u200d\U0001f527"

    assert visible(f"{persian} {mechanic}\tx\r\ny") == f"{persian} {mechanic}\tx\ny"
    assert visible("a\rb\u2028c") == r"a\x0db\u2028c"


@given(text=st.text())
def test_a_json_line_is_one_line_and_means_the_same(text: str) -> None:
    """With nothing in it that a terminal would obey."""
    spread = msgspec.Raw(b'{"a":\r\n' + msgspec.json.encode(text) + b"}")

    line = json_line({"raw": spread})

    assert json.loads(line) == {"raw": {"a": text}}
    assert line.splitlines() == [line]
    assert not obeyed(line)


def test_an_agent_keeps_its_colour() -> None:
    """In every conversation, as long as it is not taken; and nobody's is shared needlessly."""
    alone = Palette().of("triage")
    many = Palette()
    colours = [many.of(f"agent-{number}") for number in range(len(COLOURS))]

    assert Palette().of("triage") == alone
    assert sorted(colours) == sorted(COLOURS)
    assert many.of("agent-3") == colours[3]


@pytest.mark.parametrize("width", [40, 80, 100, 120, 200])
def test_a_list_fits_its_terminal(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a table, or one below the other; ids are always whole."""
    console = Console(file=io.StringIO(), width=width, force_terminal=True, color_system=None)
    monkeypatch.setattr(listing, "out", console)
    found = [
        Session("sess_" + "0" * 32, AT, AT, agent="triage", holder="billing", user="ada@x.org"),
        Session("ticket-7", AT, AT, title="Charged twice, and nobody answers the phone " * 3),
        Session("run", AT, AT, status="running", lease_holder="billing-worker-12"),
    ]

    listing.print_sessions(found)

    told = Text.from_ansi(console.file.getvalue()).plain  # type: ignore[attr-defined]
    assert max(map(len, told.splitlines())) <= width
    assert "sess_" + "0" * 32 in told
    assert "running billing-worker-12" in told
    assert ("created" in told) == (width >= 120)


async def test_an_export_is_flat_in_memory(tmp_path: Path) -> None:
    """A session of 32 MB goes by in a fraction of that."""
    async with commonhold.connect(f"sqlite:///{tmp_path}/x.db") as stores:
        for _ in range(8):
            said = ({"role": "user", "content": "x" * 20_000} for _ in range(200))
            await stores.sessions.append("long", texts(*said))

        tracemalloc.start()
        with (tmp_path / "out.jsonl").open("wb") as to:
            chosen = export.named(stores.sessions, ["long"])
            told = export.export(stores.sessions, chosen, to, superseded=False)
            *_, last = [tally async for tally in told]
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()

    assert (last.sessions, last.messages) == (1, 1600)
    assert (tmp_path / "out.jsonl").stat().st_size > 32_000_000
    assert peak < 16_000_000


async def test_what_is_deleted_meanwhile_leaves_no_half_a_line(tmp_path: Path) -> None:
    """It is counted, and the others are there."""

    async def chosen() -> Any:
        yield "gone"
        yield "here"

    to = io.BytesIO()
    async with commonhold.connect(f"sqlite:///{tmp_path}/x.db") as stores:
        await stores.sessions.append("here", texts({"role": "user", "content": "x"}))
        tallies = [t async for t in export.export(stores.sessions, chosen(), to, superseded=False)]

    assert (tallies[-1].sessions, tallies[-1].gone) == (1, 1)
    assert [json.loads(line)["session"]["session_id"] for line in to.getvalue().splitlines()] == [
        "here"
    ]
