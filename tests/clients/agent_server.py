"""A fipsagents agent, served as its authors serve it: `agent_server.py CONFIG PORT`."""

from __future__ import annotations

import sys

from fipsagents.baseagent import BaseAgent
from fipsagents.server import OpenAIChatServer


class Concierge(BaseAgent):  # type: ignore[misc]  # fipsagents ships no types
    """An agent with nothing of its own: prompt and tool come from its folder."""


if __name__ == "__main__":
    server = OpenAIChatServer(Concierge, config_path=sys.argv[1])
    server.run(host="127.0.0.1", port=int(sys.argv[2]))
