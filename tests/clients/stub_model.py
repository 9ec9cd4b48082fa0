"""A model that answers by rule over the OpenAI chat protocol: run as a process of its own.

It says how many messages it was sent, so that a test sees what an agent remembers. Asked to "look
up" something, it first calls the agent's tool.
"""

from __future__ import annotations

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

MODEL = "stub-model"
TOOL = "look_up"


class Model(BaseHTTPRequestHandler):
    """`/v1/chat/completions`, streamed and not."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answer the probe of the test."""
        self._answer({"status": "ok"})

    def do_POST(self) -> None:
        """Answer a chat."""
        length = int(self.headers["Content-Length"])
        asked = json.loads(self.rfile.read(length))
        turn, reason = next_turn(asked["messages"])
        used = usage(asked["messages"])
        if asked.get("stream"):
            self._stream(turn, reason, used)
        else:
            choice = {"index": 0, "message": turn, "finish_reason": reason}
            self._answer(envelope("chat.completion") | {"choices": [choice], "usage": used})

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is the library's
        """Say nothing."""

    def _answer(self, body: dict[str, Any]) -> None:
        raw = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def _stream(self, turn: dict[str, Any], reason: str, used: dict[str, int]) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        for delta in deltas(turn):
            self._event({"choices": [{"index": 0, "delta": delta, "finish_reason": None}]})
        self._event({"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]})
        self._event({"choices": [], "usage": used})
        self.wfile.write(b"data: [DONE]\n\n")
        self.close_connection = True

    def _event(self, chunk: dict[str, Any]) -> None:
        body = json.dumps(envelope("chat.completion.chunk") | chunk)
        self.wfile.write(f"data: {body}\n\n".encode())


def next_turn(messages: list[dict[str, Any]]) -> tuple[dict[str, Any], str]:
    """What the model says next, and why it stops there."""
    last = messages[-1]
    text = str(last.get("content"))
    if last["role"] == "user" and "look up" in text:
        call = {
            "id": f"call_{len(messages)}",
            "type": "function",
            "function": {"name": TOOL, "arguments": json.dumps({"what": text})},
        }
        return {"role": "assistant", "content": None, "tool_calls": [call]}, "tool_calls"
    talk = [message for message in messages if message["role"] != "system"]
    return {"role": "assistant", "content": f"{len(talk)} messages, last: {text}"}, "stop"


def deltas(turn: dict[str, Any]) -> list[dict[str, Any]]:
    """The turn in pieces, as a stream brings it."""
    if "tool_calls" in turn:
        calls = [{"index": n, **call} for n, call in enumerate(turn["tool_calls"])]
        return [{"role": "assistant", "content": None, "tool_calls": calls}]
    words = turn["content"].split(" ")
    pieces = [word + " " for word in words[:-1]] + words[-1:]
    return [{"role": "assistant", "content": ""}, *({"content": piece} for piece in pieces)]


def usage(messages: list[dict[str, Any]]) -> dict[str, int]:
    """Ten tokens for each message in, five out."""
    read = 10 * len([message for message in messages if message["role"] != "system"])
    return {"prompt_tokens": read, "completion_tokens": 5, "total_tokens": read + 5}


def envelope(kind: str) -> dict[str, Any]:
    """What every answer carries."""
    return {"id": "chatcmpl-1", "object": kind, "created": 1_700_000_000, "model": MODEL}


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Model).serve_forever()
