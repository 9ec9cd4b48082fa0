"""What is meant by what real instrumentations sent: one row for each span, written by hand.

Every recording holds the conversation of `emitters/stub_model.py`, as far as its emitter tells it:
a question, a call of a tool, an answer; and then a question that the model refuses.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from commonhold.model.otel import Operation, Tokens

UNKNOWN = Tokens()


@dataclass(frozen=True, slots=True)
class Said:
    """The meaning of a span. Of `input` and `output` these texts are a part; none is no text."""

    name: str
    operation: Operation
    agent: str = "weather_agent"
    session: str | None = "session-golden"
    user: str | None = None
    model: str | None = None
    provider: str | None = None
    tokens: Tokens = UNKNOWN
    cost: float | None = None
    input: tuple[str, ...] = ()
    output: tuple[str, ...] = ()
    tool: str | None = None
    call_id: str | None = None
    failed: bool = False


SERVICE = "weather-service"  # what an agent is called where nobody says better
USER = "user-golden"
ASKED = "gpt-4o-mini"
ANSWERED = "gpt-4o-mini-2024-07-18"
GEMINI = "gemini-2.5-flash"

SYSTEM = "Answer in one sentence."
QUESTION = "What is the weather in Paris?"
REFUSED = "What is the weather in Atlantis?"
TOOL = "get_weather"
CALL_ID = "call_weather1"
RESULT = "18 degrees and sunny in Paris"
ANSWER = "It is 18 degrees and sunny in Paris."

CALLING = Tokens(52, 17, 69, 32, None, 6)
ANSWERING = Tokens(85, 21, 106, 48, None, 9)
# Of emitters that do not tell reasoning, or neither that nor what was cached.
CALLING_CACHED, ANSWERING_CACHED = Tokens(52, 17, 69, 32), Tokens(85, 21, 106, 48)
CALLING_PLAIN, ANSWERING_PLAIN = Tokens(52, 17, 69), Tokens(85, 21, 106)

_ask = Said("ask", "", SERVICE, user=USER)
_bare_chat = partial(Said, "chat gpt-4o-mini", "llm", SERVICE, None, provider="openai")

# OpenTelemetry: opentelemetry-instrumentation-openai-v2, and its successor.

OPENAI_V2 = [
    _ask,
    # Without content there still are the names of the tools that were called.
    _bare_chat(model=ANSWERED, tokens=CALLING_PLAIN, output=(TOOL,)),
    _bare_chat(model=ANSWERED, tokens=ANSWERING_PLAIN, input=(TOOL,)),
    _bare_chat(model=ASKED, failed=True),
]

OPENAI_V2_CONTENT = [
    _ask,
    _bare_chat(
        model=ANSWERED, tokens=CALLING_PLAIN, input=(SYSTEM, QUESTION), output=(TOOL, CALL_ID)
    ),
    _bare_chat(
        model=ANSWERED, tokens=ANSWERING_PLAIN, input=(SYSTEM, QUESTION, RESULT), output=(ANSWER,)
    ),
    _bare_chat(model=ASKED, input=(SYSTEM, REFUSED), failed=True),
]

_chat = partial(Said, "chat gpt-4o-mini", "llm", SERVICE, provider="openai")

GENAI_OPENAI = [
    Said("invoke_agent weather_agent", "agent", input=(QUESTION,), output=(ANSWER,)),
    _chat(model=ANSWERED, tokens=CALLING, input=(SYSTEM, QUESTION), output=(TOOL, CALL_ID)),
    Said(
        *("execute_tool get_weather", "tool", "weather_agent", None),
        tool=TOOL,
        call_id=CALL_ID,
        input=("Paris",),
        output=(RESULT,),
    ),
    _chat(model=ANSWERED, tokens=ANSWERING, input=(SYSTEM, QUESTION, RESULT), output=(ANSWER,)),
    _bare_chat(model=ASKED, input=(SYSTEM, REFUSED), failed=True),
]

# OpenInference.

_completion = partial(Said, "ChatCompletion", "llm", SERVICE, provider="openai")

OPENINFERENCE_OPENAI = [
    Said("weather_agent", "agent", user=USER, input=(QUESTION,), output=(ANSWER,)),
    _completion(
        user=USER, model=ANSWERED, tokens=CALLING, input=(SYSTEM, QUESTION), output=(TOOL, CALL_ID)
    ),
    Said(
        *("get_weather", "tool", SERVICE),
        user=USER,
        tool=TOOL,
        call_id=CALL_ID,
        input=("Paris",),
        output=(RESULT,),
    ),
    _completion(
        user=USER,
        model=ANSWERED,
        tokens=ANSWERING,
        input=(SYSTEM, QUESTION, RESULT),
        output=(ANSWER,),
    ),
    # A failed call says its model only within its input.
    _completion(session=None, input=(SYSTEM, REFUSED), failed=True),
]

_graph = partial(Said, agent=SERVICE, user=USER)
_langchain = partial(_graph, "ChatOpenAI", "llm", provider="openai")

OPENINFERENCE_LANGCHAIN = [
    _graph("weather_agent", "agent", input=(QUESTION,), output=(QUESTION, RESULT, ANSWER)),
    _graph("model", "chain", input=(QUESTION,), output=(TOOL, CALL_ID)),
    _langchain(model=ANSWERED, tokens=CALLING, input=(SYSTEM, QUESTION), output=(TOOL, CALL_ID)),
    _graph("tools", "chain", input=("Paris", CALL_ID), output=(RESULT,)),
    _graph("get_weather", "tool", tool=TOOL, input=("Paris",), output=(RESULT,)),
    _graph("model", "chain", input=(QUESTION, RESULT), output=(ANSWER,)),
    _langchain(
        model=ANSWERED, tokens=ANSWERING, input=(SYSTEM, QUESTION, RESULT), output=(ANSWER,)
    ),
    _graph("weather_agent", "agent", input=(REFUSED,), failed=True),
    _graph("model", "chain", input=(REFUSED,), failed=True),
    _langchain(
        model=ASKED, input=(SYSTEM, REFUSED), output=("Atlantis is not on any map.",), failed=True
    ),
]

_traced = partial(Said, agent=SERVICE, session=None)
_response = partial(_traced, "response", "llm", provider="openai")
_agent = partial(Said, "weather_agent", "agent", session=None)

OPENINFERENCE_OPENAI_AGENTS = [
    _traced("weather", "agent"),
    _traced("weather", "chain"),
    _agent(),
    _traced("turn", "chain"),
    _response(model=ANSWERED, tokens=CALLING, input=(QUESTION,), output=(TOOL, CALL_ID)),
    _traced("get_weather", "tool", tool=TOOL, input=("Paris",), output=(RESULT,)),
    _traced("turn", "chain"),
    _response(model=ANSWERED, tokens=ANSWERING, input=(QUESTION, RESULT), output=(ANSWER,)),
    _traced("weather", "agent"),
    _traced("weather", "chain"),
    _agent(failed=True),
    _traced("turn", "chain"),
    _response(failed=True),
]

# OpenLLMetry.

_openai_chat = partial(Said, "openai.chat", "llm", SERVICE, None, provider="openai")

OPENLLMETRY_OPENAI = [
    _ask,
    _openai_chat(model=ANSWERED, tokens=CALLING, input=(SYSTEM, QUESTION), output=(TOOL, CALL_ID)),
    _openai_chat(
        model=ANSWERED, tokens=ANSWERING, input=(SYSTEM, QUESTION, RESULT), output=(ANSWER,)
    ),
    _openai_chat(model=ASKED, input=(SYSTEM, REFUSED), failed=True),
]

# Version 0.47 has messages in attributes of their own, and `llm.request.type`.
OPENLLMETRY_FLAT = OPENLLMETRY_OPENAI

_decorated = partial(Said, user=USER)
_decorated_chat = partial(_decorated, "openai.chat", "llm", model=ANSWERED, provider="openai")

TRACELOOP_SDK = [
    _decorated(
        *("weather_report.workflow", "chain", "weather_report"),
        input=(QUESTION,),
        output=(ANSWER,),
    ),
    _decorated("weather_agent.agent", "agent", input=(QUESTION,), output=(ANSWER,)),
    _decorated_chat(tokens=CALLING, input=(SYSTEM, QUESTION), output=(TOOL, CALL_ID)),
    _decorated("get_weather.tool", "tool", tool=TOOL, input=("Paris",), output=(RESULT,)),
    _decorated_chat(tokens=ANSWERING, input=(SYSTEM, QUESTION, RESULT), output=(ANSWER,)),
    OPENLLMETRY_OPENAI[3],
]

_workflow = partial(Said, user=USER)
_openai_model = partial(_workflow, "ChatOpenAI.chat", "llm", provider="openai")

OPENLLMETRY_LANGCHAIN = [
    Said("invoke_agent weather_agent", "agent"),
    _workflow("weather_agent.workflow", "agent", input=(QUESTION,), output=(RESULT, ANSWER)),
    _workflow("execute_task model", "chain", input=(QUESTION,), output=(TOOL, CALL_ID)),
    _openai_model(
        model=ANSWERED, tokens=CALLING_CACHED, input=(SYSTEM, QUESTION), output=(TOOL, CALL_ID)
    ),
    _workflow("execute_task tools", "chain", input=("Paris", CALL_ID), output=(RESULT,)),
    _workflow("execute_tool get_weather", "tool", tool=TOOL, input=("Paris",), output=(RESULT,)),
    _workflow("execute_task model", "chain", input=(QUESTION, RESULT), output=(ANSWER,)),
    _openai_model(
        model=ANSWERED, tokens=ANSWERING_CACHED, input=(SYSTEM, QUESTION, RESULT), output=(ANSWER,)
    ),
    Said("invoke_agent weather_agent", "agent", failed=True),
    _workflow("weather_agent.workflow", "agent", input=(REFUSED,), failed=True),
    _workflow("execute_task model", "chain", input=(REFUSED,), failed=True),
    _openai_model(model=ASKED, input=(SYSTEM, REFUSED), failed=True),
]

INSTRUMENTATIONS = {
    "openai-v2": OPENAI_V2,
    "openai-v2-content": OPENAI_V2_CONTENT,
    "openai-v2-latest": OPENAI_V2_CONTENT,
    "genai-openai": GENAI_OPENAI,
    "openinference-openai": OPENINFERENCE_OPENAI,
    "openinference-langchain": OPENINFERENCE_LANGCHAIN,
    "openinference-openai-agents": OPENINFERENCE_OPENAI_AGENTS,
    "openllmetry-openai": OPENLLMETRY_OPENAI,
    "openllmetry-langchain": OPENLLMETRY_LANGCHAIN,
    "openllmetry-flat": OPENLLMETRY_FLAT,
    "traceloop-sdk": TRACELOOP_SDK,
}
"""By recording, in the order in which the spans began."""
