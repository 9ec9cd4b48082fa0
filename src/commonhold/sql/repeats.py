"""Requests with an idempotency key, and what they were answered the first time."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from commonhold.model import opaque
from commonhold.model.clock import Micros
from commonhold.model.once import Once, used_before
from commonhold.sql.database import Tx
from commonhold.sql.scope import SessionKey
from commonhold.sql.statement import statement

FIND = statement("find_request")
REMEMBER = statement("remember_request")


class Repeat:
    """One write to a session's log that is done once: asked under its lock, before any condition.

    `asked` is what the request asks for: the same key with something else is refused. Without a
    key nothing is looked for, and nothing remembered.
    """

    def __init__(self, once: Once | None, key: SessionKey, *asked: object) -> None:
        self._once = once
        self._key = key
        self._asked = sha256(opaque.dumps(asked).encode()).hexdigest()

    async def answer(self, tx: Tx) -> dict[str, Any] | None:
        """The first answer, when this is not the first attempt.

        Raises:
            Conflict: the key was used for something else.
        """
        if self._once is None:
            return None
        row = await tx.one(FIND, **self._key, mark=self._once.mark)
        if row is None:
            return None
        if row[0] != self._asked:
            raise used_before()
        told: dict[str, Any] = opaque.loads(row[1])
        return told

    async def remember(self, tx: Tx, answer: Mapping[str, Any], now: Micros) -> None:
        """Keep the answer, in the transaction that did the work."""
        if self._once is not None:
            mark, text = self._once.mark, opaque.dumps(answer)
            args = {"mark": mark, "asked": self._asked, "answer": text, "now": now}
            await tx.run(REMEMBER, **self._key, **args)
