"""openai-agents, which exports what it traces in a format of its own; and OpenInference on it."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from functools import partial
from typing import Literal

from agents import (
    Agent,
    RunConfig,
    Runner,
    function_tool,
    set_default_openai_api,
    set_trace_processors,
)
from agents.tracing.processors import BackendSpanExporter, BatchTraceProcessor
from openai import BadRequestError
from openinference.instrumentation.openai_agents import OpenAIAgentsInstrumentor

from tests.otlp.emitters.scenarios.telemetry import (
    AGENT,
    INSTRUCTIONS,
    QUESTION,
    REFUSED,
    SESSION,
    USER,
    exporting,
    get_weather,
)
from tests.otlp.emitters.stub_model import ASKED


def converse() -> None:
    """Ask what is answered, and what is refused."""
    agent = Agent(AGENT, instructions=INSTRUCTIONS, model=ASKED, tools=[function_tool(get_weather)])
    told = RunConfig(workflow_name="weather", group_id=SESSION, trace_metadata={"user_id": USER})
    Runner.run_sync(agent, QUESTION, run_config=told)
    try:
        Runner.run_sync(agent, REFUSED, run_config=told)
    except BadRequestError:
        return
    raise AssertionError("the model answered")


def native(api: Literal["responses", "chat_completions"]) -> None:
    """As it exports by itself, but for the address, in either protocol of OpenAI."""
    set_default_openai_api(api)
    exporter = BackendSpanExporter(endpoint=f"{os.environ['LOOPBACK']}/v1/traces/ingest")
    processor = BatchTraceProcessor(exporter)
    set_trace_processors([processor])
    converse()
    processor.shutdown()


def openinference() -> None:
    """As OpenInference sees it."""
    with exporting():
        OpenAIAgentsInstrumentor().instrument(exclusive_processor=True)
        converse()


scenarios: dict[str, Callable[[], None]] = {
    "responses": partial(native, "responses"),
    "chat": partial(native, "chat_completions"),
    "openinference": openinference,
}
scenarios[sys.argv[1]]()
