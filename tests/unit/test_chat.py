"""Messages of any API become what fine-tuning reads."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commonhold.model.chat import Chat, chat_of, last_text, prompt, said

FIND = {"id": "c1", "type": "function", "function": {"name": "find", "arguments": '{"n":7}'}}
ASKED = {"role": "assistant", "tool_calls": [FIND]}
FOUND = {"role": "tool", "tool_call_id": "c1", "content": "Bern"}
USER = {"role": "user", "content": "Where?"}


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ({"role": "user", "content": "Where?"}, [USER]),
        ({"role": "user", "content": [{"type": "input_text", "text": "Where?"}]}, [USER]),
        ({"role": "user", "parts": [{"type": "text", "content": "Where?"}]}, [USER]),
        ({"role": "assistant", "content": None, "tool_calls": [FIND]}, [ASKED]),
        (
            {
                "role": "assistant",
                "content": [
                    {"type": "thinking", "thinking": "hm"},
                    {"type": "text", "text": "I look."},
                    {"type": "tool_use", "id": "c1", "name": "find", "input": {"n": 7}},
                ],
            },
            [{"role": "assistant", "content": "I look.", "tool_calls": [FIND]}],
        ),
        (
            {"type": "function_call", "call_id": "c1", "name": "find", "arguments": '{"n":7}'},
            [ASKED],
        ),
        (
            {
                "role": "assistant",
                "parts": [{"type": "tool_call", "id": "c1", "name": "find", "arguments": {"n": 7}}],
            },
            [ASKED],
        ),
        ({"role": "tool", "tool_call_id": "c1", "content": "Bern"}, [FOUND]),
        ({"type": "function_call_output", "call_id": "c1", "output": "Bern"}, [FOUND]),
        (
            {
                "role": "user",
                "content": [
                    {"type": "tool_result", "tool_use_id": "c1", "content": "Bern"},
                    {"type": "text", "text": "Where?"},
                ],
            },
            [FOUND, USER],
        ),
        ({"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}, []),
        ({"type": "reasoning", "summary": [{"text": "hm"}]}, []),
        (["no", "message"], []),
    ],
)
def test_a_message_of_any_api_is_read(message: Any, expected: list[Chat]) -> None:
    """Chat Completions, Responses, Anthropic and OpenTelemetry; thoughts and pictures are not."""
    assert chat_of(json.dumps(message, separators=(",", ":"))) == expected


def test_the_input_of_a_trace_is_a_conversation_where_it_is_one() -> None:
    """It is a text, which may be messages; any other text was said by whoever should have."""
    told = json.dumps(json.dumps([{"role": "system", "content": "Be brief."}, USER]))
    assert said(told, "user") == [{"role": "system", "content": "Be brief."}, USER]
    assert said(json.dumps("Where?"), "user") == [USER]
    assert said(json.dumps("[1, 2]"), "assistant") == [{"role": "assistant", "content": "[1, 2]"}]
    assert last_text(said(told, "user"), "user") == "Where?"
    assert said(None, "user") == []


def test_a_prompt_is_what_a_template_takes() -> None:
    """The system first and once, no call without a result, and nothing of the assistant at its end."""
    told = prompt(
        [
            {"role": "assistant", "content": "Hello!"},
            USER,
            {"role": "tool", "tool_call_id": "lost", "content": "?"},
            ASKED,
            FOUND,
            {"role": "assistant", "tool_calls": [{**FIND, "id": "open"}]},
            {"role": "developer", "content": "Be brief."},
            {"role": "user", "content": "Well?"},
            {"role": "assistant", "content": "Wait."},
        ],
        1000,
    )
    system, well = {"role": "system", "content": "Be brief."}, {"role": "user", "content": "Well?"}
    assert told == [system, USER, ASKED, FOUND, well]
    assert prompt([USER, ASKED, FOUND, well], len(json.dumps(well))) == [well]
    assert prompt([{"role": "assistant", "content": "Hello!"}], 1000) == []


MESSAGES = st.lists(
    st.one_of(
        st.builds(
            lambda role, text: {"role": role, "content": text},
            st.sampled_from(["system", "user", "assistant"]),
            st.sampled_from(["x", "yy"]),
        ),
        st.builds(
            lambda ids: {"role": "assistant", "tool_calls": [{**FIND, "id": i} for i in ids]},
            st.sampled_from(["a", "b", "ab"]),
        ),
        st.builds(
            lambda i: {"role": "tool", "tool_call_id": i, "content": "r"}, st.sampled_from("ab")
        ),
    ),
    max_size=10,
)


@given(MESSAGES, st.integers(0, 400))
def test_whatever_was_said_the_prompt_is_well_formed(messages: list[Chat], most: int) -> None:
    """Users and assistants take turns, and results follow exactly the calls they answer."""
    told = prompt(messages, most)
    assert not told or told[-1]["role"] in ("user", "tool")
    spoken = [each for each in told if each["role"] != "system"]
    assert [each["role"] for each in told[1:]].count("system") == 0
    assert not spoken or spoken[0]["role"] == "user"
    waiting: list[str] = []
    before = ""
    for each in spoken:
        if each["role"] == "tool":
            assert each["tool_call_id"] == waiting.pop(0)
        else:
            assert not waiting
            assert each["role"] != before
            waiting = [call["id"] for call in each.get("tool_calls", ())]
        before = each["role"]
    assert not waiting
