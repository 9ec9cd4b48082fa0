"""An agent without a framework: the client of OpenAI in a loop."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from openai import BadRequestError, OpenAI

from tests.otlp.emitters.scenarios.telemetry import INSTRUCTIONS, REFUSED, get_weather
from tests.otlp.emitters.stub_model import ASKED, TOOL

PARAMETERS = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOLS: Any = [
    {"type": "function", "function": {"name": TOOL, "parameters": PARAMETERS}},
]


def answer(question: str, call_tool: Callable[[Any], str]) -> str:
    """Ask, call the tool, ask again."""
    messages: list[Any] = [
        {"role": "system", "content": INSTRUCTIONS},
        {"role": "user", "content": question},
    ]
    while True:
        asked = OpenAI().chat.completions.create(model=ASKED, messages=messages, tools=TOOLS)
        said = asked.choices[0].message
        if not said.tool_calls:
            return str(said.content)
        messages.append(said.model_dump(exclude_none=True))
        results = [(call.id, call_tool(call)) for call in said.tool_calls]
        messages += [{"role": "tool", "tool_call_id": i, "content": said} for i, said in results]


def weather(call: Any) -> str:
    """What the tool says to a call."""
    return get_weather(**json.loads(call.function.arguments))


def be_refused() -> None:
    """Ask what the model refuses."""
    try:
        answer(REFUSED, weather)
    except BadRequestError:
        return
    raise AssertionError("the model answered")
