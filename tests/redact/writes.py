"""Every way to write to a service, each with secrets of its own in every place it has for text."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import grpc
import httpx2
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from tests.otlp import wire
from tests.otlp.wire import as_json, pair
from tests.rpc.calls import LOGS, TRACES, call

SESSION = "/v1/sessions/conversation"


@dataclass(frozen=True, slots=True)
class Planted:
    """What one way to write was given: a key of a model's provider, and a text under a name."""

    key: str
    password: str

    @property
    def cores(self) -> tuple[str, ...]:
        """What must be nowhere, in lower case, since an index of words is."""
        return (self.key[3:].lower(), self.password.lower())

    @property
    def said(self) -> str:
        """A sentence with the key in it."""
        return f"my key is {self.key}, keep it"

    @property
    def held(self) -> dict[str, Any]:
        """An object with both, and what must stay."""
        arguments = json.dumps({"password": self.password, "city": "Bern"})
        return {"kept": 17, "note": self.said, "deep": [{"arguments": arguments}]}


def planted(name: str) -> Planted:
    """Secrets that nothing else has."""
    plain = "".join(each for each in name.title() if each.isalnum())
    return Planted(f"sk-{plain}9Qz7Zk3Xw9Rt2Lm8Vp4", f"hunter2{plain}8Vp4Ns6Bd1H")


Write = Callable[["Door", Planted], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Door:
    """A service, by HTTP and by gRPC."""

    http: httpx2.AsyncClient
    rpc: grpc.aio.Channel

    async def send(self, method: str, path: str, body: Any, **headers: str) -> Any:
        """The answer to JSON."""
        answer = await self.http.request(method, path, json=body, headers=headers)
        assert answer.status_code in (200, 201), answer.text
        return answer.json()

    async def post(self, path: str, body: bytes, media: str) -> None:
        """Send what is encoded already."""
        told = {"content-type": media}
        answer = await self.http.post(path, content=body, headers=told)
        assert answer.status_code == 200, answer.text


async def session(door: Door, it: Planted) -> None:
    """A new session."""
    body = {"title": it.said, "metadata": it.held, "permission_scope_active": it.said}
    await door.send("POST", "/v1/sessions", {"session_id": "made", **body})


async def append(door: Door, it: Planted) -> None:
    """Messages at the end of a log."""
    message = {"role": "assistant", "content": it.said, "tool_calls": [{"function": it.held}]}
    await door.send("POST", f"{SESSION}/messages", {"messages": [message]})


async def put(door: Door, it: Planted) -> None:
    """A whole list."""
    messages = [{"role": "user", "content": [{"type": "text", "text": it.said}]}, it.held]
    await door.send("PUT", "/v1/sessions/put", {"messages": messages})


async def cost(door: Door, it: Planted) -> None:
    """What a session cost."""
    await door.send("PATCH", SESSION, {"cost_data": it.held})


async def state(door: Door, it: Planted) -> None:
    """The state of an agent."""
    await door.send("PATCH", f"{SESSION}/state", {"state": it.held})


async def handoff(door: Door, it: Planted) -> None:
    """To whom it goes, and why."""
    body = {"to_agent": "b", "reason": it.said, "brief": json.dumps(it.held)}
    await door.send("POST", f"{SESSION}/handoff", body)


async def repair(door: Door, it: Planted) -> None:
    """What stands in for a result that never came."""
    calls = [{"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]
    message = {"role": "assistant", "content": None, "tool_calls": calls}
    await door.send("POST", f"{SESSION}/messages", {"messages": [message]})
    await door.send("POST", f"{SESSION}/repair", {"reason": it.said})


async def native(door: Door, it: Planted) -> None:
    """A trace of `fipsagents`."""
    events = [{"name": it.said, "timestamp": 1.0, "body": it.held}]
    span = {"span_id": "s", "name": it.said, "attributes": it.held, "events": events}
    body = {"trace_id": "native", "started_at": "2026-01-15T09:00:00Z", "spans": [span]}
    await door.send("POST", "/v1/traces", body)


def trace_id(it: Planted) -> bytes:
    """The trace of the span that holds these."""
    return sha256(it.key.encode()).digest()[:16]


def spans(it: Planted, count: int = 1) -> Any:
    """A request whose last span has secrets in every place for text."""
    sent = wire.request(*["x"] * count)
    group = sent.resource_spans[0]
    pair(group.resource.attributes, "http.request.header.authorization", [it.password])
    pair(group.scope_spans[0].scope.attributes, "note", it.said)
    for number, each in enumerate(wire.sent_spans(sent)):
        each.span_id = (number + 1).to_bytes(8, "big")
        pair(each.attributes, "gen_ai.usage.input_tokens", 412)
    span = wire.sent_spans(sent)[count - 1]
    span.trace_id = trace_id(it)
    span.name, span.status.message = it.said, it.said
    pair(span.attributes, "gen_ai.input.messages", json.dumps([it.held]))
    pair(span.attributes, "nested", it.held)
    pair(span.attributes, "raw", it.said.encode())
    pair(span.events.add(name=it.said, time_unix_nano=10**18).attributes, "password", it.password)
    link = span.links.add(trace_id=wire.TRACE, span_id=wire.SPAN)
    pair(link.attributes, "note", it.said)
    return sent


async def protobuf(door: Door, it: Planted) -> None:
    """What most exporters send."""
    await door.post("/v1/traces", spans(it).SerializeToString(), "application/x-protobuf")


async def large_protobuf(door: Door, it: Planted) -> None:
    """More than is read in the process itself."""
    await door.post("/v1/traces", spans(it, 900).SerializeToString(), "application/x-protobuf")


async def otlp_json(door: Door, it: Planted) -> None:
    """With letters spelt as escapes."""
    body = as_json(spans(it)).replace(b"sk-", rb"\u0073k\u002d")
    await door.post("/otel/v1/traces", body, "application/json")


async def openai_agents(door: Door, it: Planted) -> None:
    """The export of `openai-agents`."""
    times = {"started_at": "2026-01-15T09:00:00Z", "ended_at": "2026-01-15T09:00:01Z"}
    data = {"type": "function", "name": "f", "input": json.dumps(it.held), "output": it.said}
    span = {"object": "trace.span", "id": "span_1", "trace_id": f"trace_{'a' * 32}", **times}
    await door.send("POST", "/v1/traces/ingest", {"data": [{**span, "span_data": data}]})


def logs(it: Planted) -> Any:
    """A request of one event of a model call."""
    sent = ExportLogsServiceRequest()
    record = (
        sent.resource_logs.add()
        .scope_logs.add()
        .log_records.add(time_unix_nano=10**18, trace_id=wire.TRACE, span_id=wire.SPAN)
    )
    record.event_name = "gen_ai.user.message"
    record.body.CopyFrom(wire.any_value(it.held))
    pair(record.attributes, "note", it.said)
    pair(record.attributes, "api-key", it.password)
    return sent


async def logs_protobuf(door: Door, it: Planted) -> None:
    """Log records."""
    await door.post("/v1/logs", logs(it).SerializeToString(), "application/x-protobuf")


async def logs_json(door: Door, it: Planted) -> None:
    """Log records as JSON."""
    await door.post("/v1/logs", as_json(logs(it)), "application/json")


async def grpc_spans(door: Door, it: Planted) -> None:
    """Spans by the other door."""
    await call(door.rpc, TRACES, spans(it).SerializeToString())


async def grpc_logs(door: Door, it: Planted) -> None:
    """Log records by the other door."""
    await call(door.rpc, LOGS, logs(it).SerializeToString())


async def judgement(door: Door, it: Planted) -> None:
    """A score that comes with a span."""
    sent = wire.request("chat")
    span = wire.sent_spans(sent)[0]
    event = span.events.add(name="gen_ai.evaluation.result", time_unix_nano=10**18)
    pair(event.attributes, "gen_ai.evaluation.name", "judged")
    pair(event.attributes, "gen_ai.evaluation.score.value", 0.5)
    pair(event.attributes, "gen_ai.evaluation.explanation", f"{it.said} {json.dumps(it.held)}")
    await door.post("/v1/traces", sent.SerializeToString(), "application/x-protobuf")


async def vote(door: Door, it: Planted) -> None:
    """A vote, and a change of it."""
    body = {"rating": -1, "comment": it.said, "correction": json.dumps(it.held)}
    made = await door.send("POST", "/v1/feedback", body)
    changed = {"comment": f"again {it.said}", "correction": json.dumps(it.held)}
    await door.send("PATCH", f"/v1/feedback/{made['feedback_id']}", changed)


async def score(door: Door, it: Planted) -> None:
    """Scores of several kinds, and a change of one."""
    said = {"comment": it.said, "correction": it.said, "metadata": it.held}
    body = {"name": "n", "value": it.held, "error": it.said, **said}
    made = await door.send("POST", "/v1/scores", body)
    await door.send("PATCH", f"/v1/scores/{made['score_id']}", {**said, "value": it.held})
    await door.send("POST", "/v1/scores", {"name": "n", "value": it.said})


WRITES: dict[str, Write] = {
    each.__name__: each
    for each in (
        *(session, append, put, cost, state, handoff, repair),
        *(native, protobuf, large_protobuf, otlp_json, openai_agents),
        *(logs_protobuf, logs_json, grpc_spans, grpc_logs),
        *(judgement, vote, score),
    )
}
"""By name. Whoever adds a way to write adds it here."""
