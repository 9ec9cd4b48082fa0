"""What one caller may do, decided once for each operation and remembered."""

from __future__ import annotations

from commonhold.auth.policy import Allow, Decision, Deny, decide
from commonhold.auth.principal import Principal
from commonhold.errors import Forbidden


class Grants:
    """The decisions of the policy about one caller."""

    __slots__ = ("_decided", "principal")

    def __init__(self, principal: Principal) -> None:
        self.principal = principal
        self._decided: dict[str, Decision] = {}

    def allow(self, operation: str) -> Allow:
        """What the caller may do of `operation`.

        Raises:
            Forbidden: nothing.
        """
        decision = self._decided.get(operation)
        if decision is None:
            decision = self._decided[operation] = decide(self.principal, operation)
        if isinstance(decision, Deny):
            raise Forbidden(decision.reason)
        return decision
