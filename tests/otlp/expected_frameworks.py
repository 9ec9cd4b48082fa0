"""The same of frameworks that instrument themselves."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from commonhold.model.otel import Tokens
from tests.otlp.expected import (
    ANSWER,
    ANSWERED,
    ANSWERING,
    ANSWERING_CACHED,
    ASKED,
    CALL_ID,
    CALLING,
    CALLING_CACHED,
    GEMINI,
    QUESTION,
    REFUSED,
    RESULT,
    SERVICE,
    SYSTEM,
    TOOL,
    USER,
    Said,
)

_own_chat = partial(Said, "chat gpt-4o-mini", "llm", provider="openai")

PYDANTIC_AI = [
    Said(
        *("invoke_agent weather_agent", "agent"),
        model=ASKED,
        tokens=Tokens(137, 38, 175, 80, None, 15),
        input=(QUESTION,),
        output=(ANSWER,),
    ),
    _own_chat(
        model=ANSWERED,
        tokens=CALLING,
        cost=1.56e-05,
        input=(SYSTEM, QUESTION),
        output=(TOOL, CALL_ID),
    ),
    Said(
        *("execute_tool get_weather", "tool"),
        tool=TOOL,
        call_id=CALL_ID,
        input=("Paris",),
        output=(RESULT,),
    ),
    _own_chat(
        model=ANSWERED,
        tokens=ANSWERING,
        cost=2.175e-05,
        input=(SYSTEM, QUESTION, RESULT),
        output=(ANSWER,),
    ),
    Said("invoke_agent weather_agent", "agent", model=ASKED, input=(REFUSED,), failed=True),
    _own_chat(model=ASKED, failed=True),
]

# The second of its formats calls two spans otherwise.
_FORMAT2 = {"invoke_agent weather_agent": "agent run", "execute_tool get_weather": "running tool"}
PYDANTIC_AI_FORMAT2 = [replace(row, name=_FORMAT2.get(row.name, row.name)) for row in PYDANTIC_AI]

_run = partial(Said, agent="", session=None)
_turn = partial(_run, agent="weather_agent")
_call = partial(_run, "chat", "llm")

# The trace itself is the first span: it alone names session and user. Calls of the Responses API
# are exported without model and content; what tasks and turns use is that of the calls in them.
OPENAI_AGENTS = [
    Said("weather", "chain", "", user=USER),
    _run("task weather", "chain"),
    _turn("invoke_agent weather_agent", "agent"),
    _turn("turn 1", "chain"),
    _call(tokens=Tokens(52, 17, 69, 32, 0, 6)),
    _run("execute_tool get_weather", "tool", tool=TOOL, input=("Paris",), output=(RESULT,)),
    _turn("turn 2", "chain"),
    _call(tokens=Tokens(85, 21, 106, 48, 0, 9)),
    Said("weather", "chain", "", user=USER),
    _run("task weather", "chain"),
    _turn("invoke_agent weather_agent", "agent", failed=True),
    _turn("turn 1", "chain"),
    _call(failed=True),
]

_told = partial(replace, name="chat gpt-4o-mini", model=ASKED)
OPENAI_AGENTS_CHAT = [
    *OPENAI_AGENTS[:4],
    _told(OPENAI_AGENTS[4], input=(SYSTEM, QUESTION), output=(TOOL, CALL_ID)),
    *OPENAI_AGENTS[5:7],
    _told(OPENAI_AGENTS[7], input=(SYSTEM, QUESTION, RESULT), output=(ANSWER,)),
    *OPENAI_AGENTS[8:12],
    _told(OPENAI_AGENTS[12], input=(SYSTEM, REFUSED)),
]

_gemini = partial(
    Said, "generate_content gemini-2.5-flash", "llm", model=GEMINI, provider="gcp.gemini"
)
_adk_tool = partial(
    Said, "execute_tool get_weather", "tool", session=None, tool=TOOL, call_id=CALL_ID
)

# The user is content, and is in log records only.
GOOGLE_ADK = [
    Said("invoke_workflow weather_agent", "chain"),
    Said("invoke_agent weather_agent", "agent"),
    _gemini(tokens=CALLING),
    _adk_tool(),
    _gemini(tokens=ANSWERING),
    Said("invoke_workflow weather_agent", "chain", failed=True),
    Said("invoke_agent weather_agent", "agent", failed=True),
    _gemini(failed=True),
]

GOOGLE_ADK_CONTENT = [
    *GOOGLE_ADK[:2],
    _gemini(user=USER, tokens=CALLING, input=(SYSTEM, QUESTION), output=(TOOL, CALL_ID)),
    _adk_tool(),
    _gemini(user=USER, tokens=ANSWERING, input=(SYSTEM, QUESTION, RESULT), output=(ANSWER,)),
    *GOOGLE_ADK[5:7],
    _gemini(user=USER, input=(SYSTEM, REFUSED), failed=True),
]

GOOGLE_ADK_LATEST = [
    *GOOGLE_ADK_CONTENT[:3],
    _adk_tool(input=("Paris",), output=(RESULT,)),
    *GOOGLE_ADK_CONTENT[4:],
]

# Usage of `call_llm` is that of the span within it.
_call_llm = partial(Said, "call_llm", "chain", SERVICE, model=GEMINI)

GOOGLE_ADK_LEGACY = [
    Said("invocation", "", SERVICE, None),
    Said("invoke_agent weather_agent", "agent"),
    _call_llm(tokens=CALLING, input=(SYSTEM, QUESTION), output=(TOOL, CALL_ID)),
    _gemini(tokens=CALLING),
    _adk_tool(input=("Paris",), output=(RESULT,)),
    _call_llm(tokens=ANSWERING, input=(SYSTEM, QUESTION, RESULT), output=(ANSWER,)),
    _gemini(tokens=ANSWERING),
    Said("invocation", "", SERVICE, None, failed=True),
    Said("invoke_agent weather_agent", "agent", failed=True),
    Said("call_llm", "chain", SERVICE, None, failed=True),
    _gemini(failed=True),
]

_strands = partial(Said, user=USER)
_cycle = partial(_strands, "execute_event_loop_cycle", "chain", SERVICE)
_strands_chat = partial(_strands, "chat", "llm", SERVICE, model=ASKED)
_STRANDS_HEAD = [
    _strands(
        *("invoke_agent weather_agent", "agent"),
        model=ASKED,
        tokens=Tokens(137, 38, 175, 80, 0),
        input=(SYSTEM, QUESTION),
        output=(ANSWER,),
    ),
]
_STRANDS_REST = [
    _strands_chat(tokens=CALLING_CACHED, input=(SYSTEM, QUESTION), output=(TOOL, CALL_ID)),
    _strands(
        *("execute_tool get_weather", "tool", SERVICE),
        tool=TOOL,
        call_id=CALL_ID,
        input=("Paris",),
        output=(RESULT,),
    ),
    _cycle(input=(QUESTION, RESULT)),
    _strands_chat(tokens=ANSWERING_CACHED, input=(SYSTEM, QUESTION, RESULT), output=(ANSWER,)),
    _strands(
        *("invoke_agent weather_agent", "agent"),
        model=ASKED,
        input=(SYSTEM, REFUSED),
        failed=True,
    ),
    _cycle(input=(REFUSED,), failed=True),
    _strands_chat(input=(SYSTEM, REFUSED), failed=True),
]

STRANDS = [*_STRANDS_HEAD, _cycle(input=(QUESTION,), output=(TOOL, RESULT)), *_STRANDS_REST]
# The newer events of a cycle do not say what came out of it.
STRANDS_LATEST = [*_STRANDS_HEAD, _cycle(input=(QUESTION,)), *_STRANDS_REST]

FRAMEWORKS = {
    "pydantic-ai": PYDANTIC_AI,
    "pydantic-ai-format2": PYDANTIC_AI_FORMAT2,
    "openai-agents": OPENAI_AGENTS,
    "openai-agents-chat": OPENAI_AGENTS_CHAT,
    "google-adk": GOOGLE_ADK,
    "google-adk-content": GOOGLE_ADK_CONTENT,
    "google-adk-latest": GOOGLE_ADK_LATEST,
    "google-adk-legacy": GOOGLE_ADK_LEGACY,
    "strands": STRANDS,
    "strands-latest": STRANDS_LATEST,
}
"""By recording, in the order in which the spans began."""
