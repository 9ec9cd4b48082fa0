"""Conversations for the tests of `commonhold sessions`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import commonhold
from commonhold import Author, NewSession, Scope, Stores
from commonhold.model.opaque import JsonText

HOSTILE = "\x1b]0;owned\x07\x1b[31mred\x9b2J \u202egnp.exe [bold]loud[/] \U000e0041"
"""What an agent might say to the terminal of whoever reads it."""


def bound(stores: Stores, agent: str) -> Stores:
    """The stores as an agent writes to them."""
    return stores.bind(Scope(author=Author(agent=agent, user="ada")))


def texts(*messages: Mapping[str, Any]) -> list[str]:
    """Messages as they are sent."""
    return [json.dumps(message) for message in messages]


def call(call_id: str, name: str, **arguments: Any) -> dict[str, Any]:
    """A tool call of the Chat API."""
    function = {"name": name, "arguments": json.dumps(arguments)}
    return {"id": call_id, "type": "function", "function": function}


async def fill(url: str) -> None:
    """Three agents in `ticket-7`, and some sessions beside it."""
    async with commonhold.connect(url) as stores:
        await _ticket(stores)
        await bound(stores, "mallory").sessions.create(
            NewSession(session_id="hostile", title=HOSTILE)
        )
        said = texts({"role": "assistant", "content": HOSTILE})
        await bound(stores, "mallory").sessions.append("hostile", said)
        asked = bound(stores, "triage").sessions
        new = NewSession(session_id="gold", metadata=JsonText('{"tier":"gold","n":3}'))
        await asked.create(new)
        await asked.append("gold", ['{"role": "user",\n "content": "On two lines"}'])
        await asked.patch_state("gold", {"pending_question": {"text": "Which one?"}})


async def _ticket(stores: Stores) -> None:
    triage, billing, refunds = (bound(stores, n).sessions for n in ("triage", "billing", "refunds"))
    await triage.create(NewSession(session_id="ticket-7", title="Charged twice"))
    lease = await triage.lease("ticket-7", ttl_s=60, holder="worker-1")
    invoices = json.dumps([{"invoice": number} for number in range(40)], indent=1)
    said = texts(
        {"role": "user", "content": "I was charged twice."},
        {"role": "assistant", "content": None, "tool_calls": [call("c1", "find", month=9)]},
        {"role": "tool", "tool_call_id": "c1", "content": invoices},
    )
    await triage.append("ticket-7", said, lease=lease.token)
    await triage.handoff("ticket-7", "billing", reason="two charges", lease=lease.token)
    void = {"type": "tool_use", "id": "t1", "name": "void", "input": {"charge": "ch_2"}}
    voided = {"type": "tool_result", "tool_use_id": "t1", "content": "voided"}
    said = texts(
        {"role": "assistant", "content": [{"type": "text", "text": "I am sorry."}, void]},
        {"role": "user", "content": [voided]},
        {"role": "assistant", "content": "Never said."},
    )
    await billing.append("ticket-7", said)
    await billing.revert("ticket-7", to=5)
    await billing.handoff("ticket-7", "refunds")
    said = texts({"type": "function_call", "call_id": "f1", "name": "refund", "arguments": "{}"})
    await refunds.append("ticket-7", said)
    await refunds.patch_cost("ticket-7", {"model": "gpt-4o"})
    await refunds.lease("ticket-7", ttl_s=3600, holder="worker-9")
