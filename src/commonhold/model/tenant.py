"""Tenants: who shares an installation, and what of it none of them sees of another."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from commonhold.errors import FieldError, InvalidRequest
from commonhold.model.clock import Micros

SINGLE = "default"
"""The tenant of an installation that has one."""

FORM = "[a-z0-9][a-z0-9-]{0,62}"

Status = Literal["active", "disabled"]

_FORM = re.compile(FORM)


@dataclass(frozen=True, slots=True)
class Tenant:
    """One tenant. Of one that is disabled nothing is lost, and nobody is let in."""

    tenant: str
    status: Status
    created_at: Micros


def can_be_tenant(name: str) -> bool:
    """Whether a tenant can be called that."""
    return _FORM.fullmatch(name) is not None


def check_tenant(name: str) -> str:
    """Return `name` if a tenant can be called that.

    Raises:
        InvalidRequest: it cannot.
    """
    if can_be_tenant(name):
        return name
    rule = "must be 1 to 63 of a-z, 0-9 and -, and begin with none of the latter"
    raise InvalidRequest(f"tenant {rule}.", errors=[FieldError(("tenant",), rule)])
