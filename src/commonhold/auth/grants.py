"""What one caller may do, decided once for each operation and remembered."""

from __future__ import annotations

from commonhold.auth.policy import Allow, Decision, Deny, decide
from commonhold.auth.principal import Principal
from commonhold.errors import Forbidden
from commonhold.model.scope import Sharing


class Grants:
    """The decisions of the policy about one caller."""

    __slots__ = ("_decided", "_sharing", "principal")

    def __init__(self, principal: Principal, sharing: Sharing = "fleet") -> None:
        self.principal = principal
        self._sharing = sharing
        self._decided: dict[str, Decision] = {}

    def allow(self, operation: str) -> Allow:
        """What the caller may do of `operation`.

        Raises:
            Forbidden: nothing.
        """
        decision = self._decided.get(operation)
        if decision is None:
            decision = self._decided[operation] = decide(self.principal, operation, self._sharing)
        if isinstance(decision, Deny):
            raise Forbidden(decision.reason)
        return decision
