"""The bodies and the shapes of erasures."""

from __future__ import annotations

from typing import Annotated

from msgspec import Struct

from commonhold.http.bodies import described
from commonhold.http.schema_types import Time
from commonhold.model.erasure import MAX_USER

UserName = Annotated[str, described(minLength=1, maxLength=MAX_USER)]
Count = Annotated[int, described(minimum=0)]
ErasureStatus = Annotated[str, described(enum=["planned", "running", "done"])]


class ErasureBody(Struct, forbid_unknown_fields=True):
    """Whose data goes. With `dry_run` it is counted, and nothing is done.

    What is not known is refused: a `dry_run` that is mistyped would erase.
    """

    user: UserName
    dry_run: bool = False


class Erasure(Struct, kw_only=True):
    """A receipt. What was done is counted; of a dry run, what there is, and there is no id."""

    erasure_id: str | None
    user: str
    status: ErasureStatus
    sessions: Count
    messages: Count
    blanked_messages: Count
    feedback: Count
    blanked_feedback: Count
    traces: Count
    spans: Count
    logs: Count
    asked_by: str
    started_at: Time
    finished_at: Time | None
