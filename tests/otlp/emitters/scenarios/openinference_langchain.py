"""OpenInference's instrumentation of LangChain."""

from __future__ import annotations

from openinference.instrumentation import using_attributes
from openinference.instrumentation.langchain import LangChainInstrumentor

from tests.otlp.emitters.scenarios.langchain_agent import converse
from tests.otlp.emitters.scenarios.telemetry import SESSION, USER, exporting

with exporting():
    LangChainInstrumentor().instrument()
    with using_attributes(session_id=SESSION, user_id=USER):
        converse()
