"""Which calls a message opens and answers, and messages that close what a crash left open."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from commonhold.errors import InvalidRequest
from commonhold.model.repair import (
    REASON,
    ClosedCall,
    close,
    marks,
    open_by_message,
    open_calls,
)

Json = dict[str, Any]

ITEM_KINDS = (
    "function_call",
    "custom_tool_call",
    "local_shell_call",
    "shell_call",
    "apply_patch_call",
)
NOT_CLOSABLE = "computer_call"


def chat(*ids: str) -> Json:
    """An assistant message of Chat Completions that calls f."""
    function = {"name": "f", "arguments": "{}"}
    calls = [{"id": call_id, "type": "function", "function": function} for call_id in ids]
    return {"role": "assistant", "content": None, "tool_calls": calls}


def chat_result(call_id: str) -> Json:
    """And the answer to one call."""
    return {"role": "tool", "tool_call_id": call_id, "content": "42"}


def anthropic(*ids: str) -> Json:
    """An assistant message of the Messages API that calls f."""
    blocks = [{"type": "tool_use", "id": call_id, "name": "f", "input": {}} for call_id in ids]
    return {"role": "assistant", "content": [{"type": "text", "text": "Let me see."}, *blocks]}


def anthropic_result(*ids: str) -> Json:
    """And the answers."""
    blocks = [{"type": "tool_result", "tool_use_id": call_id, "content": "42"} for call_id in ids]
    return {"role": "user", "content": [*blocks, {"type": "text", "text": "Go on."}]}


def item(call_id: str, kind: str = "function_call", **more: object) -> Json:
    """A call of the Responses API."""
    return {"type": kind, "id": "fc_1", "call_id": call_id, "status": "completed", **more}


def item_result(call_id: str, kind: str = "function_call") -> Json:
    """And its output."""
    return {"type": f"{kind}_output", "call_id": call_id, "output": "42"}


def closings(message: Json, call_ids: Sequence[str], text: str = "lost") -> list[Json]:
    """What close() makes, parsed."""
    return [json.loads(made) for made, _ in close(message, call_ids, text)]


def open_in(messages: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    """The calls a conversation leaves open."""
    return open_calls(marks(message) for message in messages)


def repaired(messages: Sequence[Json]) -> list[Json]:
    """The conversation with every message that left calls open followed by what closes them."""
    left = open_by_message(marks(message) for message in messages)
    out: list[Json] = []
    for index, message in enumerate(messages):
        out += [message, *closings(message, left.get(index, ()))]
    return out


# What a message opens and answers.


@pytest.mark.parametrize(
    ("message", "found"),
    [
        (chat("a", "b"), ("+a", "+b")),
        (chat_result("a"), ("-a",)),
        (anthropic("a", "b"), ("+a", "+b")),
        (anthropic_result("b", "a"), ("-b", "-a")),
        *((item("a", kind), ("+a",)) for kind in (*ITEM_KINDS, NOT_CLOSABLE)),
        *((item_result("a", kind), ("-a",)) for kind in (*ITEM_KINDS, NOT_CLOSABLE)),
    ],
)
def test_every_shape_is_read(message: Json, found: tuple[str, ...]) -> None:
    """Calls and results, in order of appearance."""
    assert marks(message) == found


@pytest.mark.parametrize(
    "message",
    [
        {},
        {"role": "user", "content": "hello"},
        {"role": "user", "content": [{"type": "text", "text": "hello"}]},
        {"role": "assistant", "content": "hello", "tool_calls": None},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text"}]},
        {"role": "assistant", "function_call": {"name": "f", "arguments": "{}"}},
        {"role": "function", "name": "f", "content": "42"},
        {"role": "user", "tool_calls": [{"id": "a"}]},
        {"role": "user", "content": [{"type": "tool_use", "id": "a"}]},
        {"role": "assistant", "content": [{"type": "tool_result", "tool_use_id": "a"}]},
        {"role": "assistant", "content": [{"type": "server_tool_use", "id": "srvtoolu_1"}]},
        {"type": "web_search_call", "id": "ws_1", "call_id": "a"},
        {"type": "mcp_call", "id": "mcp_1"},
    ],
)
def test_what_asks_for_nothing_has_no_marks(message: Json) -> None:
    """Ordinary messages, legacy calls without an id, and calls that the vendor answers."""
    assert marks(message) == ()


@pytest.mark.parametrize("bad", [None, "", 7, True, ["a"], {"a": 1}])
def test_an_id_that_is_no_text_is_ignored(bad: object) -> None:
    """The same holds for a result, and the calls around it count."""
    assert marks(chat("a") | {"tool_calls": [{"id": bad}, {"id": "b"}, bad]}) == ("+b",)
    assert marks({"role": "tool", "tool_call_id": bad}) == ()
    assert marks({"role": "assistant", "content": [{"type": "tool_use", "id": bad}]}) == ()
    assert marks({"role": "user", "content": [{"type": "tool_result", "tool_use_id": bad}]}) == ()
    assert marks({"type": "function_call", "call_id": bad}) == ()
    assert marks({"type": "function_call_output", "call_id": bad}) == ()


def test_the_output_of_a_local_shell_may_name_its_call_in_id() -> None:
    """The SDK's types say so, the API goes by call_id; in other items `id` is the item's own."""
    output = {"type": "local_shell_call_output", "id": "a", "output": "42"}
    assert marks(output) == ("-a",)
    assert marks(output | {"call_id": "b"}) == ("-b",)
    assert marks({"type": "function_call_output", "id": "a", "output": "42"}) == ()


def test_a_call_written_in_two_shapes_is_one_call() -> None:
    """Some frameworks keep the blocks of one API beside the calls of the other."""
    message = anthropic("b", "a", "c") | {"tool_calls": chat("a", "b")["tool_calls"]}
    assert marks(message) == ("+a", "+b", "+c")
    assert open_in([message, *closings(message, ["a", "b", "c"])]) == ()
    shapes = [call.shape for _, calls in close(message, ["a", "b", "c"], "lost") for call in calls]
    assert shapes == ["chat", "chat", "anthropic"]


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
ROLES = ("assistant", "user", "tool", "tool_use", "tool_result")
OUTPUTS = tuple(f"{kind}_output" for kind in ITEM_KINDS)
WORDS = st.sampled_from((*ROLES, *ITEM_KINDS, *OUTPUTS, NOT_CLOSABLE))
IDENTIFIERS = ("id", "tool_call_id", "tool_use_id", "call_id", "name")
PARTS = ("type", "role", "content", "tool_calls", "function", "custom", "action", "caller")
KEYS = st.sampled_from((*IDENTIFIERS, *PARTS, "max_output_length"))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS | TEXT, inner, max_size=6),
)


@given(st.dictionaries(KEYS | TEXT, VALUES, max_size=8))
def test_no_json_makes_marks_raise(message: Json) -> None:
    """Whatever stands where."""
    found = marks(message)
    assert all(mark[0] in "+-" and len(mark) > 1 for mark in found)
    assert len(set(found)) == len(found)


def test_deep_and_long_messages_are_read() -> None:
    """Nothing recurses, and a long list is walked once."""
    deep: object = []
    for _ in range(100_000):
        deep = [deep]
    assert marks({"role": "assistant", "content": deep, "tool_calls": deep}) == ()
    ids = [f"call_{n}" for n in range(50_000)]
    assert open_in([chat(*ids), anthropic_result(*ids[1:])]) == ("call_0",)


# Which calls are open.


def test_open_calls_come_in_order_of_opening() -> None:
    """Over all messages and shapes, without those that got their result."""
    conversation = [
        {"role": "user", "content": "hello"},
        chat("a", "b"),
        chat_result("a"),
        anthropic("d", "c"),
        item("e"),
        item("f"),
        item_result("e"),
    ]
    assert open_in(conversation) == ("b", "d", "c", "f")
    left = open_by_message(marks(message) for message in conversation)
    assert left == {1: ("b",), 3: ("d", "c"), 5: ("f",)}


def test_a_result_counts_in_any_shape() -> None:
    """Codex answers a local shell call with the output of a function call."""
    assert open_in([item("a", "local_shell_call"), item_result("a")]) == ()
    assert open_in([anthropic("a"), chat_result("a")]) == ()


def test_a_result_before_its_call_does_not_count() -> None:
    """Nor does a second one, for a call that comes later."""
    assert open_in([chat_result("a"), chat("a")]) == ("a",)
    assert open_in([chat("a"), chat_result("a"), chat_result("a"), chat("a")]) == ("a",)


def test_an_id_that_two_messages_open_needs_two_results() -> None:
    """Some models count their calls anew in every turn; a result belongs to the nearest."""
    assert open_in([chat("a"), chat_result("a"), chat("a"), chat_result("a")]) == ()
    assert open_in([chat("a"), chat("a")]) == ("a", "a")
    conversation = [chat("a"), chat("b", "a"), chat_result("a")]
    assert open_by_message(map(marks, conversation)) == {0: ("a",), 1: ("b",)}


def test_an_id_that_one_message_opens_twice_needs_one_result() -> None:
    """Anthropic refuses two results of one id, and OpenAI asks by id."""
    assert marks(chat("a", "a")) == ("+a",)
    assert open_calls([["+a", "+a"], ["-a"]]) == ()
    assert len(closings(chat("a", "a"), ["a"])) == 1


# What closes them.


def test_each_call_of_chat_completions_gets_a_message() -> None:
    """Of those that are asked for, in the order of the calls."""
    assert close(chat("a", "b", "c"), {"c", "a", "other"}, "lost") == (
        ('{"role":"tool","tool_call_id":"a","content":"lost"}', (ClosedCall("a", "f", "chat"),)),
        ('{"role":"tool","tool_call_id":"c","content":"lost"}', (ClosedCall("c", "f", "chat"),)),
    )


def test_all_calls_of_an_anthropic_message_are_closed_by_one() -> None:
    """The API wants all results in the message that follows."""
    ((text, calls),) = close(anthropic("a", "b", "c"), ["c", "a"], "lost")
    result = {"type": "tool_result", "content": "lost", "is_error": True}
    blocks = [result | {"tool_use_id": call_id} for call_id in ("a", "c")]
    assert json.loads(text) == {"role": "user", "content": blocks}
    assert calls == (ClosedCall("a", "f", "anthropic"), ClosedCall("c", "f", "anthropic"))


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("function_call", {"output": "lost"}),
        ("custom_tool_call", {"output": "lost"}),
        ("local_shell_call", {"output": "lost"}),
        ("apply_patch_call", {"status": "failed", "output": "lost"}),
        (
            "shell_call",
            {
                "output": [
                    {
                        "stdout": "",
                        "stderr": "lost",
                        "outcome": {"type": "exit", "exit_code": 1},
                    }
                ]
            },
        ),
    ],
)
def test_each_item_gets_an_output_of_its_kind(kind: str, said: Json) -> None:
    """An error, where the kind has a word for it."""
    expected = {"type": f"{kind}_output", "call_id": "a"} | said
    assert closings(item("a", kind), ["a"]) == [expected]


def test_an_output_carries_back_what_the_api_wants_back() -> None:
    """The limit of a shell call, and the program that made the call."""
    action = {"commands": ["ls"], "max_output_length": 4096}
    caller = {"type": "program", "caller_id": "prog_1"}
    (output,) = closings(item("a", "shell_call", action=action, caller=caller), ["a"])
    assert (output["max_output_length"], output["caller"]) == (4096, caller)


@pytest.mark.parametrize("odd", [None, "x", True, [], {"max_output_length": True}])
def test_an_output_carries_nothing_back_that_is_not_what_it_should_be(odd: object) -> None:
    """A hostile call makes no hostile answer."""
    (output,) = closings(item("a", "shell_call", action=odd), ["a"])
    assert set(output) == {"type", "call_id", "output"}
    (output,) = closings(item("a", caller=7), ["a"])
    assert set(output) == {"type", "call_id", "output"}


def test_a_call_that_wants_a_screenshot_stays_open() -> None:
    """No text would be accepted as its output."""
    call = item("a", NOT_CLOSABLE)
    assert close(call, ["a"], "lost") == ()
    assert open_in(repaired([call, item("b")])) == ("a",)


def test_a_closed_call_is_named_for_its_tool() -> None:
    """By the message where it says so, else by the kind of the call."""
    custom = {"id": "a", "type": "custom", "custom": {"name": "g", "input": ""}}
    nameless = {"id": "a", "type": "function", "function": {"name": 7}}
    named = [
        {"role": "assistant", "tool_calls": [custom]},
        {"role": "assistant", "tool_calls": [nameless]},
        {"role": "assistant", "tool_calls": [{"id": "a"}]},
        item("a", name="h"),
        item("a"),
        item("a", "shell_call"),
    ]
    found = [calls[0].name for message in named for _, calls in close(message, ["a"], "lost")]
    assert found == ["g", None, None, "h", None, "shell"]


@pytest.mark.parametrize("message", [chat("a"), anthropic("a"), item("a")])
@pytest.mark.parametrize("blank", ["", " \n"])
def test_a_blank_text_gives_way_to_the_reason(message: Json, blank: str) -> None:
    """Anthropic refuses an error without content."""
    assert REASON in close(message, ["a"], blank)[0][0]


def test_nothing_is_made_for_messages_without_the_calls() -> None:
    """Other ids, no ids, ordinary messages, results."""
    for message in (chat("b"), anthropic("b"), item("b"), {"role": "user"}, chat_result("a")):
        assert close(message, ["a"], "lost") == ()
        assert close(message, [], "lost") == ()


def test_a_text_without_a_json_form_is_refused() -> None:
    """As in any other message."""
    with pytest.raises(InvalidRequest):
        close(chat("a"), ["a"], "\ud800")


IDS = st.sampled_from("abcdef")
SOME_IDS = st.lists(IDS, max_size=4)
MESSAGES = st.one_of(
    st.builds(lambda ids: chat(*ids), SOME_IDS),
    st.builds(chat_result, IDS),
    st.builds(lambda ids: anthropic(*ids), SOME_IDS),
    st.builds(lambda ids: anthropic_result(*ids), SOME_IDS),
    st.builds(item, IDS, st.sampled_from(ITEM_KINDS)),
    st.builds(item_result, IDS, st.sampled_from(ITEM_KINDS)),
    st.just({"role": "user", "content": "hello"}),
)


@given(st.lists(MESSAGES, max_size=12))
@example([chat("a"), chat("a"), chat_result("a")])
@example([anthropic("a", "b"), anthropic_result("a")])
@example([item("a"), item("b"), item_result("a")])
def test_a_repaired_conversation_has_no_open_calls(messages: list[Json]) -> None:
    """And every message it had before, in order."""
    whole = repaired(messages)
    assert open_in(whole) == ()
    assert repaired(whole) == whole
    rest = iter(whole)
    assert all(message in rest for message in messages)


@given(st.lists(MESSAGES | st.builds(item, IDS, st.just(NOT_CLOSABLE)), max_size=12))
def test_only_what_cannot_be_closed_stays_open(messages: list[Json]) -> None:
    """A conversation with such calls is repaired as far as it goes."""
    whole = repaired(messages)
    left = open_by_message(map(marks, whole))
    assert {whole[index]["type"] for index in left} <= {NOT_CLOSABLE}


@given(st.dictionaries(KEYS | TEXT, VALUES, max_size=8))
def test_any_json_that_opens_calls_can_be_closed(message: Json) -> None:
    """Each call once, by a message that answers exactly the calls it is said to close."""
    opened = open_calls([marks(message)])
    made = close(message, opened, "lost")
    for text, calls in made:
        assert marks(json.loads(text)) == tuple(f"-{call.call_id}" for call in calls)
    closed = {call.call_id for _, calls in made for call in calls}
    assert sum(len(calls) for _, calls in made) == len(closed)
    assert closed == (set() if message.get("type") == NOT_CLOSABLE else set(opened))


@pytest.mark.parametrize(
    ("kind", "module", "name"),
    [
        ("function_call", "response_input_item_param", "FunctionCallOutput"),
        (
            "custom_tool_call",
            "response_custom_tool_call_output_param",
            "ResponseCustomToolCallOutputParam",
        ),
        ("shell_call", "response_input_item_param", "ShellCallOutput"),
        ("apply_patch_call", "response_input_item_param", "ApplyPatchCallOutput"),
    ],
)
def test_an_output_is_what_the_types_of_openai_say(kind: str, module: str, name: str) -> None:
    """No field is missing, none is unknown; `local_shell_call`, where they are wrong, apart."""
    types = pytest.importorskip(f"openai.types.responses.{module}")
    pydantic = pytest.importorskip("pydantic")
    action = {"max_output_length": 4096}
    (output,) = closings(item("a", kind, action=action, caller={"type": "direct"}), ["a"])
    expected = getattr(types, name)
    assert set(output) <= set(expected.__annotations__)
    checked = pydantic.TypeAdapter(expected).validate_python(output)
    assert checked["output"] == "lost" or list(checked["output"]) == output["output"]
