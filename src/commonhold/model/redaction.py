"""What is kept out of what is written: the policy of a tenant."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, get_args

from commonhold.errors import FieldError, InvalidRequest
from commonhold.model.clock import Micros

Capture = Literal["none", "masked", "full"]
"""`none` keeps of traces and log records their structure and counts and not what was said,
`masked` all but what the rules find, `full` everything as it was sent."""

Group = Literal["credentials", "personal"]
"""Rules that are on or off together."""

CAPTURES: tuple[Capture, ...] = get_args(Capture)
GROUPS: tuple[Group, ...] = get_args(Group)
DEFAULT_GROUPS: tuple[Group, ...] = ("credentials",)


@dataclass(frozen=True, slots=True)
class Policy:
    """What is done to everything that is written, and which groups of rules say what is found."""

    capture: Capture = "masked"
    groups: tuple[Group, ...] = DEFAULT_GROUPS

    def __str__(self) -> str:
        """What it comes to, as the audit log has it: `masked credentials,personal`."""
        if self.capture == "full":
            return self.capture
        return f"{self.capture} {','.join(self.groups) or 'nothing'}"


@dataclass(frozen=True, slots=True)
class PolicyChange:
    """What a tenant has different from the service; None is as the service has it."""

    capture: Capture | None = None
    groups: tuple[Group, ...] | None = None

    def over(self, policy: Policy) -> Policy:
        """The policy with this change."""
        return Policy(
            policy.capture if self.capture is None else self.capture,
            policy.groups if self.groups is None else self.groups,
        )


@dataclass(frozen=True, slots=True)
class StoredChange:
    """A change as it is kept: who made it, and when."""

    change: PolicyChange
    updated_at: Micros
    updated_by: str


def capture_of(text: str) -> Capture:
    """A capture by its name.

    Raises:
        InvalidRequest: there is none of that name.
    """
    if text not in CAPTURES:
        raise _bad("capture", f"must be one of {', '.join(CAPTURES)}")
    return text


def groups_of(names: Iterable[str]) -> tuple[Group, ...]:
    """Groups by their names, each once, in the order in which they are documented.

    Raises:
        InvalidRequest: there is none of that name.
    """
    given = set(names)
    if not given.issubset(GROUPS):
        raise _bad("redact", f"must be a list of {', '.join(GROUPS)}")
    return tuple(each for each in GROUPS if each in given)


def _bad(field: str, rule: str) -> InvalidRequest:
    return InvalidRequest(f"{field} {rule}.", errors=[FieldError((field,), rule)])
