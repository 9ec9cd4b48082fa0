"""The requests everybody gets: ten spans a trace, a hundred spans a request, fresh ids each time.

Encoding a request takes milliseconds, which are the service's on a machine of two cores. So each is
encoded once, with marks where ids and times go; to send it again is to overwrite those in place.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, partial
from random import Random
from struct import Struct

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from bench.payloads import AGENT_TYPES, MODEL, WORDS

TRACES = 10
SPANS_PER_TRACE = 10
SPANS = TRACES * SPANS_PER_TRACE
TEMPLATES = 16
"""As many different requests: agents, words and tools vary from one to the next."""

AGO_NS = 5_000_000_000
"""A span is sent about this long after it began."""

Value = str | int | float | bool


@dataclass(frozen=True, slots=True)
class Step:
    """One span of a trace: whose child it is, what it does, when it begins and how long it takes."""

    parent: int | None
    does: str
    start_ms: int
    took_ms: int


STEPS = (
    Step(None, "invoke_agent", 0, 4200),
    Step(0, "chat", 10, 800),
    Step(0, "execute_tool", 820, 120),
    Step(0, "execute_tool", 825, 310),
    Step(0, "chat", 1140, 700),
    Step(0, "invoke_agent", 1850, 1500),
    Step(5, "chat", 1860, 600),
    Step(5, "execute_tool", 2470, 90),
    Step(5, "chat", 2570, 770),
    Step(0, "chat", 3360, 830),
)
"""An agent that asks its model, uses two tools, hands a part to another agent, and answers."""

TOOLS = ("search_invoices", "get_account", "send_mail", "refund", "web_search")
_TIME = Struct("<Q")


@dataclass(frozen=True, slots=True)
class Template:
    """An encoded request; a slot is where a fresh value goes: from, to, and which one."""

    body: bytes
    slots: tuple[tuple[int, int, int], ...]


@cache
def template(number: int) -> Template:
    """The request of this number, always the same."""
    marks = _marks(Random(-1 - number))
    body = _encoded(number, marks)
    slots = [
        (at, at + len(mark), index)
        for index, mark in enumerate(marks)
        for at in _places(body, mark)
    ]
    return Template(body, tuple(sorted(slots)))


def fresh(random: Random, now_ns: int) -> list[bytes]:
    """New values for one request: trace ids, conversations, span ids, then starts and ends."""
    return _ids(random) + _times(now_ns - AGO_NS)


def fill(into: bytearray, slots: tuple[tuple[int, int, int], ...], values: list[bytes]) -> None:
    """Overwrite every slot of a copy of a template's body."""
    for start, end, index in slots:
        into[start:end] = values[index]


def trace_ids(values: list[bytes]) -> bytes:
    """The ids of the traces in `fresh` values, sixteen bytes each."""
    return b"".join(values[:TRACES])


def bodies(seed: int, count: int) -> Iterator[bytes]:
    """Complete requests, for those who do not mind the cost."""
    random = Random(seed)
    for number in range(count):
        made = template(number % TEMPLATES)
        body = bytearray(made.body)
        fill(body, made.slots, fresh(random, time.time_ns()))
        yield bytes(body)


def _marks(random: Random) -> list[bytes]:
    """Values found nowhere else in a request, of the sizes of `fresh` ones."""
    return _ids(random) + [random.randbytes(8) for _ in range(2 * SPANS)]


def _ids(random: Random) -> list[bytes]:
    bits = random.randbytes
    traces = [bits(16) for _ in range(TRACES)]
    conversations = [bits(8).hex().encode() for _ in range(TRACES)]
    return traces + conversations + [bits(8) for _ in range(SPANS)]


def _times(first_ns: int) -> list[bytes]:
    starts, ends = [], []
    for number in range(SPANS):
        step = STEPS[number % SPANS_PER_TRACE]
        start = first_ns + (number // SPANS_PER_TRACE) * 1_000_000 + step.start_ms * 1_000_000
        starts.append(_TIME.pack(start))
        ends.append(_TIME.pack(start + step.took_ms * 1_000_000))
    return starts + ends


def _places(body: bytes, mark: bytes) -> Iterator[int]:
    at = body.find(mark)
    while at >= 0:
        yield at
        at = body.find(mark, at + 1)


def _encoded(number: int, marks: list[bytes]) -> bytes:
    request = ExportTraceServiceRequest()
    group = request.resource_spans.add()
    group.resource.attributes.extend(pairs(_resource(number)))
    scoped = group.scope_spans.add()
    scoped.scope.name, scoped.scope.version = "opentelemetry.instrumentation.genai", "0.66b2"
    random = Random(number)
    scoped.spans.extend(_span(number, place, marks, random) for place in range(SPANS))
    encoded: bytes = request.SerializeToString()
    return encoded


def _span(number: int, place: int, marks: list[bytes], random: Random) -> Span:
    trace, within = divmod(place, SPANS_PER_TRACE)
    step = STEPS[within]
    span_ids = marks[2 * TRACES :]
    times = span_ids[SPANS:]
    attributes = _attributes(step, number + trace, random)
    attributes["gen_ai.conversation.id"] = f"sess_{marks[TRACES + trace].decode()}"
    subject = next(attributes[key] for key in _SUBJECTS[step.does])
    return Span(
        trace_id=marks[trace],
        span_id=span_ids[place],
        parent_span_id=b"" if step.parent is None else span_ids[place - within + step.parent],
        name=f"{step.does} {subject}",
        kind=Span.SPAN_KIND_CLIENT if step.does == "chat" else Span.SPAN_KIND_INTERNAL,
        start_time_unix_nano=_TIME.unpack(times[place])[0],
        end_time_unix_nano=_TIME.unpack(times[SPANS + place])[0],
        attributes=pairs(attributes),
    )


_SUBJECTS = {
    "invoke_agent": ("gen_ai.agent.name",),
    "chat": ("gen_ai.request.model",),
    "execute_tool": ("gen_ai.tool.name",),
}


def _attributes(step: Step, number: int, random: Random) -> dict[str, Value]:
    """About half a kilobyte of what an agent's instrumentation says of such a span."""
    say = partial(text, random)
    known: dict[str, Value] = {"gen_ai.operation.name": step.does}
    agent = AGENT_TYPES[(number + (step.parent or 0)) % len(AGENT_TYPES)]
    if step.does == "invoke_agent":
        known |= {"gen_ai.agent.name": agent, "gen_ai.agent.id": f"agent_{agent}"}
        known |= {"user.id": f"user{number % 7}", "gen_ai.provider.name": "openai"}
        known |= {"gen_ai.input.messages": _message("user", say(14))}
        return known | {"gen_ai.output.messages": _message("assistant", say(14))}
    if step.does == "execute_tool":
        known |= {"gen_ai.tool.name": random.choice(TOOLS), "gen_ai.tool.type": "function"}
        known |= {"gen_ai.tool.call.id": f"call_{random.randbytes(8).hex()}"}
        known |= {"gen_ai.tool.call.arguments": json.dumps({"query": say(9)})}
        return known | {"gen_ai.tool.call.result": json.dumps({"found": say(19)})}
    known |= {"gen_ai.request.model": MODEL, "gen_ai.response.model": MODEL}
    known |= {"gen_ai.provider.name": "openai", "gen_ai.request.temperature": 0.2}
    known |= {"gen_ai.usage.input_tokens": random.randrange(300, 4000)}
    known |= {"gen_ai.usage.output_tokens": random.randrange(20, 600)}
    known |= {"gen_ai.input.messages": _message("user", say(5))}
    return known | {"gen_ai.output.messages": _message("assistant", say(5))}


def text(random: Random, words: int) -> str:
    """So many words."""
    return " ".join(random.choices(WORDS, k=words))


def _message(role: str, text: str) -> str:
    return json.dumps([{"role": role, "parts": [{"type": "text", "content": text}]}])


def _resource(number: int) -> dict[str, Value]:
    return {
        "service.name": AGENT_TYPES[number % len(AGENT_TYPES)],
        "service.version": "1.4.2",
        "service.instance.id": f"instance-{number:04d}",
        "telemetry.sdk.language": "python",
        "telemetry.sdk.name": "opentelemetry",
        "telemetry.sdk.version": "1.45.2",
    }


def pairs(values: Mapping[str, Value]) -> list[KeyValue]:
    """Attributes as OTLP encodes them."""
    return [KeyValue(key=key, value=_any(value)) for key, value in values.items()]


def _any(value: Value) -> AnyValue:
    if isinstance(value, str):
        return AnyValue(string_value=value)
    if isinstance(value, int):
        return AnyValue(int_value=value)
    return AnyValue(double_value=value)
