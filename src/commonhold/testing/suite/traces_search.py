"""Traces: found by the words and the attributes of a span."""

from __future__ import annotations

from typing import Any

import pytest

from commonhold.contract.stores import Backend
from commonhold.model.trace import TraceQuery
from commonhold.testing.factories import trace
from commonhold.testing.otel import otel_span, trace_id

TOLD_VALUES: dict[str, Any] = {
    "text": "a b",
    "empty": "",
    "whole": 7,
    "float": 0.5,
    "negative": -3,
    "large": 2**53 + 1,
    "yes": True,
    "no": False,
    "é😀": "ünï",
    "quoted": 'a"b\\c',
    "digits": "7",
}


@pytest.mark.parametrize(
    ("asked", "is_found"),
    [
        ('{"text": "a b"}', True),
        ('{"text": "A B"}', False),
        ('{"text": "a"}', False),
        ('{"empty": ""}', True),
        ('{"whole": 7}', True),
        ('{"whole": 7.0}', True),
        ('{"whole": "7"}', False),
        ('{"digits": 7}', False),
        ('{"float": 0.5}', True),
        ('{"negative": -3}', True),
        ('{"large": 9007199254740993}', True),
        ('{"large": 9007199254740992}', False),
        ('{"yes": true}', True),
        ('{"yes": 1}', False),
        ('{"no": false, "yes": true}', True),
        ('{"no": 0}', False),
        ('{"\\u00e9\\ud83d\\ude00": "ünï"}', True),
        ('{"quoted": "a\\"b\\\\c"}', True),
        ('{"text": "a b", "whole": 8}', False),
        ('{"nothing": "a b"}', False),
    ],
)
async def test_traces_are_found_by_attributes(backend: Backend, asked: str, is_found: bool) -> None:  # noqa: FBT001
    """T9. Numbers by value, texts to the letter, true and false as themselves."""
    await backend.traces.record([otel_span(attributes=TOLD_VALUES)])
    found = (await backend.traces.list(TraceQuery(attributes=asked))).items
    assert bool(found) == is_found


async def test_attributes_and_words_must_be_of_one_span(backend: Backend) -> None:
    """T9. Two spans that have half of it each are no match."""
    one = otel_span(0, name="alpha", attributes={"a": 1})
    other = otel_span(1, name="beta", attributes={"b": 2})
    await backend.traces.record([one, other])
    for query, is_found in (
        (TraceQuery(attributes='{"a": 1}'), True),
        (TraceQuery(attributes='{"a": 1, "b": 2}'), False),
        (TraceQuery(q="alpha beta"), False),
        (TraceQuery(q="alpha", attributes='{"b": 2}'), False),
        (TraceQuery(q="beta", attributes='{"b": 2}'), True),
    ):
        assert bool((await backend.traces.list(query)).items) == is_found, query


@pytest.mark.parametrize(
    ("said", "asked"),
    [
        ("Will it rain tomorrow?", "TOMORROW rain"),
        ("Straße", "strasse"),
        ("Ärger", "ärger"),
        ("будет дождь", "Дождь"),
        ("明日は雨です", "雨"),
        ("내일 비가 와요", "비"),
        ("سوف تمطر غدا", "غدا"),
        ("κεραυνός", "ΚΕΡΑΥΝΌΣ"),
        ("บ้าน", "บ้าน"),
        ("snake_case_name", "snake_case_name"),
        ("order 4711", "4711"),
        ("refund-request", "refund request"),
        ("refunds", "refund*"),
    ],
)
async def test_words_of_every_script_are_found(backend: Backend, said: str, asked: str) -> None:
    """T9. In the name, the input or the output of a span, whatever their case."""
    outer = {"input.value": said, "input.mime_type": "text/plain"}
    spans = [
        otel_span(0, trace_id=trace_id(0), name=said),
        otel_span(0, trace_id=trace_id(1), attributes=outer),
        otel_span(0, trace_id=trace_id(2), attributes={"output.value": said}),
        otel_span(0, trace_id=trace_id(3), name="nothing"),
    ]
    await backend.traces.record(spans)
    found = await backend.traces.list(TraceQuery(q=asked))
    assert [item.trace_id for item in found.items] == [trace_id(n) for n in (2, 1, 0)]


async def test_a_search_finds_what_was_written_before_it(backend: Backend) -> None:
    """T9. At once, each time, also in a trace that was searched already."""
    for number in range(20):
        name = f"word{number}"
        await backend.traces.record([otel_span(number, name=name)])
        assert len((await backend.traces.list(TraceQuery(q=name))).items) == 1
    assert len((await backend.traces.list(TraceQuery(q="word3 "))).items) == 1


async def test_native_spans_are_found_by_words_and_attributes(backend: Backend) -> None:
    """T9. As those of OTLP are."""
    await backend.traces.record([otel_span(name="other")])
    await backend.traces.put(trace())
    for query in (TraceQuery(q="weather"), TraceQuery(attributes='{"tool_name": "weather"}')):
        assert [item.trace_id for item in (await backend.traces.list(query)).items] == ["trace_1"]
