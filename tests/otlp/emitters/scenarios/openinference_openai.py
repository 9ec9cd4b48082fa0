"""OpenInference's instrumentation of the client of OpenAI, with its session, user, agent and tool."""

from __future__ import annotations

from typing import Any

from openinference.instrumentation import TracerProvider, using_attributes
from openinference.instrumentation.openai import OpenAIInstrumentor
from opentelemetry import trace

from tests.otlp.emitters.scenarios.chat_loop import answer, be_refused, weather
from tests.otlp.emitters.scenarios.telemetry import AGENT, QUESTION, SESSION, USER, exporting


def run(tracer: Any) -> None:
    """One turn of the agent."""

    def call_tool(call: Any) -> str:
        name = call.function.name
        with tracer.start_as_current_span(name, openinference_span_kind="tool") as span:
            span.set_tool(name=name, parameters=call.function.arguments)
            span.set_attribute("tool.id", call.id)
            span.set_input(call.function.arguments)
            result = weather(call)
            span.set_output(result)
            return result

    with tracer.start_as_current_span(AGENT, openinference_span_kind="agent") as span:
        span.set_attribute("agent.name", AGENT)
        span.set_input(QUESTION)
        span.set_output(answer(QUESTION, call_tool))


with exporting(TracerProvider()):
    OpenAIInstrumentor().instrument()
    with using_attributes(session_id=SESSION, user_id=USER, tags=["golden"]):
        run(trace.get_tracer("app"))
    be_refused()
