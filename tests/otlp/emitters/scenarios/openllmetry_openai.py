"""OpenLLMetry's instrumentation of the client of OpenAI, without Traceloop's SDK."""

from __future__ import annotations

from opentelemetry import trace
from opentelemetry.instrumentation.openai import OpenAIInstrumentor

from tests.otlp.emitters.scenarios.chat_loop import answer, be_refused, weather
from tests.otlp.emitters.scenarios.telemetry import QUESTION, SESSION, USER, exporting

with exporting():
    OpenAIInstrumentor().instrument()
    # It says nothing of sessions and users: whoever has any puts them on a span around it.
    who = {"session.id": SESSION, "user.id": USER}
    with trace.get_tracer("app").start_as_current_span("ask", attributes=who):
        answer(QUESTION, weather)
    be_refused()
