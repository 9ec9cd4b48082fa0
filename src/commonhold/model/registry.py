"""Registered agents: which there are, what they may call themselves, and who else is one of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from commonhold.errors import FieldError, InvalidRequest
from commonhold.model import ids
from commonhold.model.clock import Micros

Status = Literal["active", "disabled"]
STATUSES: tuple[Status, ...] = get_args(Status)

BindingKind = Literal["oidc_client", "spiffe", "k8s_sa"]
"""What proves an agent beside a key, which is an agent's from the moment it is made."""

BINDING_KINDS: tuple[BindingKind, ...] = get_args(BindingKind)

Change = Literal["registered", "enabled", "disabled", "removed", "bound", "unbound"]
"""What was done with an agent, in the words of the audit log."""

MAX_TYPES, MAX_TYPE = 50, 128
MAX_ISSUER, MAX_SUBJECT = 255, 512

_SERVICE_ACCOUNT = re.compile(r"system:serviceaccount:[a-z0-9-]{1,63}:[a-z0-9.-]{1,253}")
_SPIFFE = re.compile(r"spiffe://[a-z0-9._-]{1,255}(/[A-Za-z0-9._-]+)+")

_SUBJECTS: Mapping[BindingKind, tuple[Callable[[str], object], str]] = {
    "oidc_client": (lambda text: text and " " not in text, "the client id, as `azp` has it"),
    "spiffe": (_SPIFFE.fullmatch, "a SPIFFE id, such as spiffe://example.org/ns/a/sa/b"),
    "k8s_sa": (_SERVICE_ACCOUNT.fullmatch, "system:serviceaccount:NAMESPACE:NAME"),
}


@dataclass(frozen=True, slots=True)
class Registered:
    """An agent that may call. With `agent_types` it says to be of no other type than those."""

    tenant: str
    agent: str
    status: Status
    agent_types: tuple[str, ...]
    created_by: str
    created_at: Micros
    updated_at: Micros


@dataclass(frozen=True, slots=True)
class NewAgent:
    """An agent as it is to be registered; what is None stays as it is.

    Raises:
        InvalidRequest: naming what it cannot be.
    """

    agent: str
    status: Status | None = None
    agent_types: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        ids.check_agent(self.agent)
        if self.status not in (None, *STATUSES):
            raise _bad("status", f"must be one of {', '.join(STATUSES)}")
        types = self.agent_types or ()
        if len(types) > MAX_TYPES or not all(_is_text(each, MAX_TYPE) for each in types):
            rule = f"must be at most {MAX_TYPES} names of 1 to {MAX_TYPE} printable characters"
            raise _bad("agent_types", rule)


def change_of(new: NewAgent) -> Change:
    """What somebody does who registers an agent so."""
    if new.status is None:
        return "registered"
    return "disabled" if new.status == "disabled" else "enabled"


@dataclass(frozen=True, slots=True)
class Identity:
    """Somebody whom an issuer knows: the alias of the issuer, and the name it goes by there.

    Raises:
        InvalidRequest: naming what it cannot be.
    """

    kind: BindingKind
    issuer: str
    subject: str

    def __post_init__(self) -> None:
        if self.kind not in BINDING_KINDS:
            raise _bad("kind", f"must be one of {', '.join(BINDING_KINDS)}")
        if not _is_text(self.issuer, MAX_ISSUER):
            raise _bad(
                "issuer", "must be the alias of an issuer, as COMMONHOLD_OIDC_ISSUERS has it"
            )
        fits, rule = _SUBJECTS[self.kind]
        if not (_is_text(self.subject, MAX_SUBJECT) and fits(self.subject)):
            raise _bad("subject", f"must be {rule}")


@dataclass(frozen=True, slots=True)
class Binding:
    """An identity that is one agent, and no other."""

    binding_id: str
    identity: Identity
    tenant: str
    agent: str
    created_by: str
    created_at: Micros


def _is_text(text: str, most: int) -> bool:
    return 0 < len(text) <= most and text.isprintable() and text == text.strip()


def _bad(name: str, rule: str) -> InvalidRequest:
    return InvalidRequest(f"{name} {rule}.", errors=[FieldError((name,), rule)])
