"""The bodies and the shapes of policies."""

from __future__ import annotations

from typing import Annotated

from msgspec import Struct

from commonhold.http.bodies import described
from commonhold.http.schema_types import Time
from commonhold.model.redaction import CAPTURES, GROUPS

CaptureName = Annotated[str, described(enum=list(CAPTURES))]
GroupName = Annotated[str, described(enum=list(GROUPS))]


class PolicyBody(Struct, forbid_unknown_fields=True):
    """What the tenant has different from the service; what is null, or left out, it has not.

    What is not known is refused: a name that is mistyped would take back what was set.
    """

    capture: CaptureName | None = None
    redact: list[GroupName] | None = None


class RedactionPolicy(Struct, kw_only=True):
    """What holds for what is written, and in `own` what of it is the tenant's own."""

    capture: CaptureName
    redact: list[GroupName]
    own: PolicyBody | None
    updated_at: Time | None
    updated_by: str | None
