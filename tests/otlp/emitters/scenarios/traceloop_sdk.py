"""OpenLLMetry as Traceloop's SDK sets it up, with its decorators and associations."""

from __future__ import annotations

import json
import os
import sys
from typing import Any

from opentelemetry.sdk.resources import Resource
from traceloop.sdk import Traceloop
from traceloop.sdk.decorators import agent, tool, workflow
from traceloop.sdk.instruments import Instruments

from tests.otlp.emitters.scenarios.chat_loop import answer, be_refused
from tests.otlp.emitters.scenarios.telemetry import AGENT, QUESTION, SESSION, USER, get_weather

weather = tool(name="get_weather")(get_weather)


def call_tool(call: Any) -> str:
    """What the decorated tool says to a call."""
    return str(weather(**json.loads(call.function.arguments)))


@agent(name=AGENT)
def run(question: str) -> str:
    """One turn of the agent."""
    return answer(question, call_tool)


@workflow(name="weather_report")
def converse(question: str) -> str:
    """The question of a user."""
    Traceloop.set_association_properties({"session_id": SESSION, "user_id": USER})
    return str(run(question))


sys.tracebacklimit = 0
Traceloop.init(
    app_name=os.environ["OTEL_SERVICE_NAME"],
    api_endpoint=os.environ["LOOPBACK"],
    telemetry_enabled=False,
    resource_attributes=dict(Resource.create().attributes),
    instruments={Instruments.OPENAI},
)
converse(QUESTION)
be_refused()
