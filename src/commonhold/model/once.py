"""What a client asks for once and may send again: a request with an idempotency key."""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import sha256
from typing import Literal, Self

from commonhold.errors import Conflict, FieldError, InvalidRequest
from commonhold.model import opaque
from commonhold.model.scope import Author

_KEY = re.compile(r"[!-~]{1,100}\Z")
_RULE = "must be 1 to 100 visible ASCII characters"

Operation = Literal["append", "create", "fork", "revert", "repair", "handoff", "score"]
"""What a key can be given to."""


@dataclass(frozen=True, slots=True)
class Once:
    """One request of one author, as often as it is sent.

    `mark` stands for the request: the key belongs to its author (an agent, and the user it acts
    for), the operation and the session. A credential that is renewed between two attempts does
    not matter. Authors without a name share their keys.
    """

    key: str
    mark: str

    @classmethod
    def of(cls, key: str, author: Author, operation: Operation, session_id: str = "") -> Self:
        """The request that a key stands for.

        Raises:
            InvalidRequest: the key cannot be one.
        """
        check_key(key)
        parts = [operation, session_id, author.agent, author.user, key]
        return cls(key, sha256(opaque.dumps(parts).encode()).hexdigest()[:32])

    def message_id(self, index: int) -> str:
        """The id of a message that was sent without one.

        It shows the key to whoever looks for it; the mark keeps apart what several authors sent.
        """
        return f"{self.key}.{index}@{self.mark[:16]}"

    @property
    def session_id(self) -> str:
        """The id of the session that is made."""
        return f"sess_{self.mark}"


def check_key(key: str | None) -> None:
    """Check an idempotency key, if there is one.

    Raises:
        InvalidRequest: it is not 1 to 100 visible ASCII characters: what a header carries as it is.
    """
    if key is not None and not _KEY.match(key):
        error = FieldError(("header", "Idempotency-Key"), _RULE)
        raise InvalidRequest(f"The idempotency key {_RULE}.", errors=[error])


def used_before() -> Conflict:
    """What to say when a key comes back with another request."""
    return Conflict("The idempotency key was used for another request. Use a new key for this one.")
