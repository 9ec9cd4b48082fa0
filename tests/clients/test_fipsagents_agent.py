"""A real fipsagents agent, unmodified, with `backend: http`: what it says ends up in Commonhold.

Three processes: the service, the agent server, and a model that answers by rule.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.clients import agent_server, stub_model
from tests.clients.agents import unique
from tests.processes import Process

CONFIG = """
agent: {{name: concierge, description: An agent of the tests, version: 1.2.3}}
model: {{provider: openai, endpoint: "{model}/v1", name: {name}}}
tools: {{local_dir: ./tools}}
memory: {{backend: "null"}}
logging: {{level: WARNING}}
server:
  storage: {{backend: http, platform_url: "{platform}"}}
  sessions: {{enabled: true}}
  traces: {{enabled: true, fidelity: standard}}
  feedback: {{enabled: true}}
  files: {{enabled: false}}
"""

TOOL = '''
from fipsagents.baseagent.tools import tool


@tool(description="Look something up.", visibility="llm_only")
async def look_up(what: str) -> str:
    """Look something up."""
    return f"found: {what}"
'''

TURNS = ("hello", "please look up the invoice", "thank you")
# The second turn is two model calls with the tool's result between them.
ROLES = ["user", "assistant", "user", "assistant", "tool", "assistant", "user", "assistant"]
# Ten tokens for each message a call was sent (1, 3, 5 and 7 of them), five for each answer.
INPUT_TOKENS, OUTPUT_TOKENS = 10 * (1 + 3 + 5 + 7), 5 * 4


@dataclass(frozen=True, slots=True)
class Said:
    """One answer of an agent, and the trace it names."""

    text: str
    trace_id: str


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    """The model, shared by every agent."""
    folder = tmp_path_factory.mktemp("model")

    def command(port: int) -> list[str]:
        return [sys.executable, stub_model.__file__, str(port)]

    with Process(command, folder, name="model") as process:
        yield process


StartAgent = Callable[..., Process]


@pytest.fixture
def start_agent(service: Process, model: Process, tmp_path: Path) -> Iterator[StartAgent]:
    """Starts an agent server over the service; each call is another process."""
    (tmp_path / "tools").mkdir()
    (tmp_path / "tools" / "look_up.py").write_text(TOOL)
    with ExitStack() as stack:

        def start(prefix: str = "") -> Process:
            config = tmp_path / f"{unique('agent')}.yaml"
            platform = service.url + prefix
            config.write_text(
                CONFIG.format(model=model.url, name=stub_model.MODEL, platform=platform)
            )

            def command(port: int) -> list[str]:
                return [sys.executable, agent_server.__file__, str(config), str(port)]

            process = Process(command, tmp_path, name="agent", ready="/readyz")
            return stack.enter_context(process)

        yield start


def chat(agent: Process, session: str, text: str, *, stream: bool) -> Said:
    """One turn, as an OpenAI client sends it."""
    asked = {
        "model": stub_model.MODEL,
        "messages": [{"role": "user", "content": text}],
        "session_id": session,
        "stream": stream,
    }
    answer = httpx2.post(f"{agent.url}/v1/chat/completions", json=asked, timeout=60)
    assert answer.status_code == 200, answer.text + agent.log
    trace_id = answer.headers["x-trace-id"]
    if not stream:
        return Said(answer.json()["choices"][0]["message"]["content"], trace_id)
    return Said("".join(streamed(answer.text)), trace_id)


def streamed(body: str) -> Iterator[str]:
    """The pieces of a streamed answer; the results of tools are streamed between them."""
    for line in body.splitlines():
        if line.startswith("data: ") and line != "data: [DONE]":
            deltas = [choice["delta"] for choice in json.loads(line[6:])["choices"]]
            yield from (d.get("content") or "" for d in deltas if d.get("role") != "tool")


def read(service: Process, path: str) -> Any:
    """What Commonhold holds, over its own API."""
    answer = httpx2.get(service.url + path)
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_three_turns_of_an_agent_are_kept(
    service: Process, start_agent: StartAgent, stream: bool
) -> None:
    """History, cost data, traces and feedback of a chat are in Commonhold, and only there."""
    agent, session = start_agent(), unique("sess")
    said = [chat(agent, session, text, stream=stream) for text in TURNS]
    assert [turn.text for turn in said] == [
        "1 messages, last: hello",
        "5 messages, last: found: please look up the invoice",
        "7 messages, last: thank you",
    ]

    history = read(service, f"/v1/sessions/{session}")["messages"]
    assert [message["role"] for message in history] == ROLES
    assert [m["content"] for m in history if m["role"] == "user"] == list(TURNS)
    assert history[3]["tool_calls"][0]["function"]["name"] == stub_model.TOOL
    assert len({message["id"] for message in history}) == len(history)

    cost = read(service, f"/v1/sessions/{session}/cost_data")["cost_data"]
    assert (cost["turn_count"], cost["model"]) == (3, stub_model.MODEL)
    assert cost["input_tokens"] >= INPUT_TOKENS - 30  # the client counts the last call of a turn
    usage = read(service, f"/v1/sessions/{session}/usage")
    assert usage["turn_count"] == 3

    listed = read(service, f"/v1/traces?session_id={session}")
    assert [found["trace_id"] for found in listed] == [turn.trace_id for turn in said][::-1]
    assert [found["tool_calls"] for found in listed] == [0, 1, 0]
    looked_up = read(service, f"/v1/traces/{said[1].trace_id}")
    names = {span["name"] for span in looked_up["spans"]}
    assert {"request", "model_call", f"tool:{stub_model.TOOL}"} <= names

    vote = {"rating": -1, "trace_id": said[1].trace_id, "session_id": session, "comment": "[x] no"}
    made = httpx2.post(f"{agent.url}/v1/feedback", json=vote)
    assert made.status_code == 201, made.text
    (kept,) = read(service, f"/v1/feedback?session_id={session}")
    assert {name: kept[name] for name in vote} == vote
    assert kept["feedback_id"] == made.json()["feedback_id"]


def test_another_process_continues_the_session(service: Process, start_agent: StartAgent) -> None:
    """A second agent process remembers what the first was told, and both histories are one."""
    first, session = start_agent("/a/concierge-1"), unique("sess")
    chat(first, session, "my name is Ada", stream=False)
    chat(first, session, "and I like tea", stream=True)
    first.stop()

    second = start_agent("/a/concierge-2")
    said = chat(second, session, "who am I?", stream=False)
    assert said.text == "5 messages, last: who am I?"

    rows = read(service, f"/v1/sessions/{session}/messages")
    assert [row["message"]["role"] for row in rows] == ["user", "assistant"] * 3
    assert [row["agent"] for row in rows] == ["concierge-1"] * 4 + ["concierge-2"] * 2
    cost = read(service, f"/v1/sessions/{session}/cost_data")["cost_data"]
    assert cost["turn_count"] == 3
    listed = read(service, f"/v1/traces?session_id={session}")
    assert [found["agents"] for found in listed] == [["concierge-2"]] + [["concierge-1"]] * 2


def test_an_agent_reads_its_own_storage_over_its_own_routes(
    service: Process, start_agent: StartAgent
) -> None:
    """The endpoints of the agent server answer from Commonhold."""
    agent, session = start_agent(), unique("sess")
    said = chat(agent, session, "hello", stream=False)
    held = httpx2.get(f"{agent.url}/v1/sessions/{session}").json()
    assert held == read(service, f"/v1/sessions/{session}")
    trace = httpx2.get(f"{agent.url}/v1/traces/{said.trace_id}").json()
    assert trace["trace_id"] == said.trace_id
    assert said.trace_id in {t["trace_id"] for t in httpx2.get(f"{agent.url}/v1/traces").json()}
    vote = {"rating": 1, "trace_id": said.trace_id}
    made = httpx2.post(f"{agent.url}/v1/feedback", json=vote).json()["feedback_id"]
    changed = httpx2.patch(f"{agent.url}/v1/feedback/{made}", json={"rating": -1, "comment": "x"})
    assert changed.status_code == 200, changed.text
    assert (changed.json()["rating"], changed.json()["comment"]) == (-1, "x")
    counted = httpx2.get(f"{agent.url}/v1/feedback/stats?window=hour").json()
    assert sum(row["thumbs_down"] for row in counted) >= 1
    assert httpx2.delete(f"{agent.url}/v1/sessions/{session}").json() == {"deleted": True}
    assert httpx2.get(f"{service.url}/v1/sessions/{session}").status_code == 404


def test_an_inbound_credential_and_trace_are_passed_on(
    service: Process, start_agent: StartAgent
) -> None:
    """The key every OpenAI client sends does no harm, and a caller's trace is joined."""
    agent, session = start_agent(), unique("sess")
    trace_id = "4bf92f3577b34da6a3ce929d0e0e4736"
    asked = {"messages": [{"role": "user", "content": "hello"}], "session_id": session}
    headers = {
        "Authorization": "Bearer sk-anything",
        "traceparent": f"00-{trace_id}-00f067aa0ba902b7-01",
    }
    for _ in range(2):
        answer = httpx2.post(
            f"{agent.url}/v1/chat/completions", json=asked, headers=headers, timeout=60
        )
        assert answer.status_code == 200, answer.text
    assert len(read(service, f"/v1/sessions/{session}")["messages"]) == 4
    spans = read(service, f"/v1/traces/{trace_id}")["spans"]
    assert [span["name"] for span in spans].count("request") == 2
