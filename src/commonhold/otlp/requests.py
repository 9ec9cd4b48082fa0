"""Requests with spans, in each of the forms in which exporters send them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from commonhold.model.otel import Form, OtelSpan, Rejected, Request
from commonhold.otlp.decode import spans_from_json, spans_from_protobuf
from commonhold.otlp.openai_agents import spans_from_openai_agents

_Read = Callable[[bytes], tuple[list[OtelSpan], Rejected]]

_READERS: Mapping[Form, _Read] = {
    "protobuf": spans_from_protobuf,
    "json": spans_from_json,
    "openai-agents": spans_from_openai_agents,
}


def spans_of(request: Request) -> tuple[list[OtelSpan], Rejected]:
    """The spans of a request, and those that cannot be taken.

    Raises:
        MalformedBody: it is not what it says.
    """
    return _READERS[request.form](request.body)
