"""openai-agents, which exports what it traces in a format of its own; and OpenInference on it."""

from __future__ import annotations

import os
import sys

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


def native() -> None:
    """As it exports by itself, but for the address: both protocols of OpenAI."""
    exporter = BackendSpanExporter(endpoint=f"{os.environ['LOOPBACK']}/v1/traces/ingest")
    processor = BatchTraceProcessor(exporter)
    set_trace_processors([processor])
    converse()
    set_default_openai_api("chat_completions")
    converse()
    processor.shutdown()


def openinference() -> None:
    """As OpenInference sees it."""
    with exporting():
        OpenAIAgentsInstrumentor().instrument(exclusive_processor=True)
        converse()


{"native": native, "openinference": openinference}[sys.argv[1]]()
