"""google-adk, which instruments itself, with Gemini."""

from __future__ import annotations

import asyncio

from google.adk.agents import LlmAgent
from google.adk.runners import InMemoryRunner
from google.genai.errors import ClientError
from google.genai.types import Content, Part

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
from tests.otlp.emitters.stub_model import GEMINI


async def converse() -> None:
    """Ask what is answered, and what is refused."""
    agent = LlmAgent(name=AGENT, model=GEMINI, instruction=INSTRUCTIONS, tools=[get_weather])
    runner = InMemoryRunner(agent, app_name="weather")
    await runner.session_service.create_session(
        app_name="weather", user_id=USER, session_id=SESSION
    )
    await _ask(runner, QUESTION)
    try:
        await _ask(runner, REFUSED)
    except ClientError:
        return
    raise AssertionError("the model answered")


async def _ask(runner: InMemoryRunner, question: str) -> None:
    said = Content(role="user", parts=[Part(text=question)])
    async for _ in runner.run_async(user_id=USER, session_id=SESSION, new_message=said):
        pass


with exporting():
    asyncio.run(converse())
