"""An agent of LangChain, for the instrumentations that watch it."""

from __future__ import annotations

from typing import Any

from langchain.agents import create_agent
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from openai import BadRequestError

from tests.otlp.emitters.scenarios.telemetry import (
    AGENT,
    INSTRUCTIONS,
    QUESTION,
    REFUSED,
    SESSION,
    USER,
    get_weather,
)
from tests.otlp.emitters.stub_model import ASKED


def converse() -> None:
    """Ask what is answered, and what is refused."""
    agent = create_agent(
        ChatOpenAI(model=ASKED, max_retries=0),
        [tool(get_weather)],
        system_prompt=INSTRUCTIONS,
        name=AGENT,
    )
    _ask(agent, QUESTION)
    try:
        _ask(agent, REFUSED)
    except BadRequestError:
        return
    raise AssertionError("the model answered")


def _ask(agent: Any, question: str) -> None:
    told = {"configurable": {"thread_id": SESSION}, "metadata": {"user_id": USER}}
    agent.invoke({"messages": [{"role": "user", "content": question}]}, told)
