"""Feedback of a user goes; what others said about the user's sessions and traces keeps its value.

Others are those of no name. What a user of another name said is that user's.
"""

from __future__ import annotations

from collections.abc import Sequence

from commonhold.model import opaque
from commonhold.model.binding import trace_key
from commonhold.model.clock import Micros
from commonhold.model.erasure import Counts
from commonhold.model.feedback import ANONYMOUS
from commonhold.sql.database import Row, Tx
from commonhold.sql.erasing import AT_ONCE, Done, Whose
from commonhold.sql.statement import statement

NEXT = statement("user_feedback")
REMOVE = statement("remove_feedback")
UNTELL = statement("remove_score_deliveries")
HOLD_COUNTS = statement("hold_user_counts")
DROP_COUNTS = statement("drop_user_counts")
OF_SESSION = statement("said_of_session")
OF_TRACES = statement("said_of_traces")
BLANK = statement("blank_feedback")
DROP_WORDS = statement("drop_words_of_feedback")
JUDGED = statement("judged_for_user")
DISOWN = statement("disown_feedback")
LOCK_WEBHOOKS = statement("lock_enabled_webhooks")

_DAY = 86_400_000_000


async def remove_feedback(tx: Tx, whose: Whose, _now: Micros) -> Done | None:
    """Remove some records of the user, out of every count, and what webhooks were to tell of them."""
    found = await tx.all(NEXT, **whose, limit=AT_ONCE)
    if not found:
        return None
    tenant, user, listed = whose["tenant"], whose["user"], _listed(found)
    await _untell(tx, tenant, listed)
    gone = await tx.run(REMOVE, tenant=tenant, listed=listed)
    days = sorted({(at - at % _DAY, name) for _, at, name in found})
    for each in (HOLD_COUNTS, DROP_COUNTS):  # held first: others may count there meanwhile
        await tx.many(each, days, tenant=tenant, user=user)
    return Done(Counts(feedback=gone))


async def blank_judgements(tx: Tx, whose: Whose, _now: Micros) -> Done | None:
    """Blank some of what agents judged for the user: such a record is no vote, and keeps its value."""
    found = await tx.all(JUDGED, **whose, limit=AT_ONCE)
    if not found:
        return None
    said = await _blank(tx, whose["tenant"], found)
    await tx.run(DISOWN, tenant=whose["tenant"], listed=_listed(found))
    return Done(Counts(blanked_feedback=said))


async def blank_of_session(tx: Tx, tenant: str, session_id: str) -> int:
    """Blank some of what nobody in particular said about a session; how many that were."""
    args = {"tenant": tenant, "nobody": ANONYMOUS, "limit": AT_ONCE}
    return await _blank(tx, tenant, await tx.all(OF_SESSION, **args, session_id=session_id))


async def blank_of_traces(tx: Tx, tenant: str, trace_ids: Sequence[str]) -> int:
    """The same of traces."""
    args = {"tenant": tenant, "nobody": ANONYMOUS, "limit": AT_ONCE}
    listed = opaque.dumps([trace_key(each) for each in trace_ids])
    return await _blank(tx, tenant, await tx.all(OF_TRACES, **args, listed=listed))


async def _blank(tx: Tx, tenant: str, found: Sequence[Row]) -> int:
    if not found:
        return 0
    listed = _listed(found)
    await _untell(tx, tenant, listed)
    await tx.run(DROP_WORDS, tenant=tenant, listed=listed)
    return await tx.run(BLANK, tenant=tenant, listed=listed)


async def _untell(tx: Tx, tenant: str, listed: str) -> None:
    """Remove what was told, or is to be: while webhooks are locked, no event is made of a score."""
    await tx.all(LOCK_WEBHOOKS, tenant=tenant)
    await tx.run(UNTELL, tenant=tenant, listed=listed)


def _listed(found: Sequence[Row]) -> str:
    return opaque.dumps([row[0] for row in found])
