"""OpenLLMetry's instrumentation of LangChain, without Traceloop's SDK."""

from __future__ import annotations

from opentelemetry.instrumentation.langchain import LangchainInstrumentor

from tests.otlp.emitters.scenarios.langchain_agent import converse
from tests.otlp.emitters.scenarios.telemetry import exporting

with exporting():
    LangchainInstrumentor().instrument()
    converse()
