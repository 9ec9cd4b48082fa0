"""Strands, which instruments itself."""

from __future__ import annotations

from openai import BadRequestError
from strands import Agent, tool
from strands.models.openai import OpenAIModel

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


def agent() -> Agent:
    """A new one for each conversation."""
    return Agent(
        OpenAIModel(model_id=ASKED),
        name=AGENT,
        system_prompt=INSTRUCTIONS,
        tools=[tool(get_weather)],
        trace_attributes={"session.id": SESSION, "user.id": USER},
        callback_handler=None,
    )


with exporting():
    agent()(QUESTION)
    try:
        agent()(REFUSED)
    except BadRequestError:
        pass
    else:
        raise AssertionError("the model answered")
