"""OpenTelemetry's newest instrumentation, with agents and tools of its library around it."""

from __future__ import annotations

import json
from typing import Any

from opentelemetry.instrumentation.genai.openai import OpenAIInstrumentor
from opentelemetry.util.genai.handler import TelemetryHandler, get_telemetry_handler
from opentelemetry.util.genai.types import InputMessage, OutputMessage, Text

from tests.otlp.emitters.scenarios.chat_loop import answer, be_refused, weather
from tests.otlp.emitters.scenarios.telemetry import AGENT, QUESTION, SESSION, exporting


def run(handler: TelemetryHandler) -> None:
    """One turn of the agent."""

    def call_tool(call: Any) -> str:
        with handler.tool(call.function.name, tool_type="function", agent_name=AGENT) as tool:
            tool.tool_call_id = call.id
            tool.arguments = json.loads(call.function.arguments)
            tool.tool_result = weather(call)
            return str(tool.tool_result)

    with handler.invoke_local_agent(agent_name=AGENT, conversation_id=SESSION) as agent:
        agent.input_messages = [InputMessage("user", [Text(QUESTION)])]
        said = Text(answer(QUESTION, call_tool))
        agent.output_messages = [OutputMessage("assistant", [said], "stop")]


with exporting():
    OpenAIInstrumentor().instrument()
    run(get_telemetry_handler())
    be_refused()
