"""pydantic-ai, which instruments itself."""

from __future__ import annotations

import sys

from pydantic_ai import Agent
from pydantic_ai.exceptions import ModelHTTPError
from pydantic_ai.models.instrumented import InstrumentationSettings
from pydantic_ai.models.openai import OpenAIChatModel

from tests.otlp.emitters.scenarios.telemetry import (
    AGENT,
    INSTRUCTIONS,
    QUESTION,
    REFUSED,
    SESSION,
    exporting,
    get_weather,
)
from tests.otlp.emitters.stub_model import ASKED

with exporting():
    Agent.instrument_all(InstrumentationSettings(version=int(sys.argv[1])))
    agent = Agent(
        OpenAIChatModel(ASKED), name=AGENT, instructions=INSTRUCTIONS, tools=[get_weather]
    )
    agent.run_sync(QUESTION, conversation_id=SESSION)
    try:
        agent.run_sync(REFUSED, conversation_id=SESSION)
    except ModelHTTPError:
        pass
    else:
        raise AssertionError("the model answered")
