"""The route of the audit log, and what a request is to it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from commonhold.contract.audit import AuditLog
from commonhold.http import audit_schemas
from commonhold.http.call import Answer, Call, reply
from commonhold.http.links import next_page
from commonhold.http.logs import trace_id
from commonhold.http.operation import Operation, Reply
from commonhold.http.params import CURSOR, SINCE, UNTIL, choice, integer, text
from commonhold.model.audit import DECISIONS, AuditQuery
from commonhold.model.page import DEFAULT_LIMIT, MAX_LIMIT
from commonhold.model.wire_audit import event_out
from commonhold.service.audit_watch import Asked, Watch


@dataclass(frozen=True, slots=True)
class Auditing:
    """What watches requests, and the log it writes to."""

    watch: Watch
    log: Callable[[], AuditLog]

    async def list_audit_events(self, call: Call) -> Answer:
        page = await self.log().list(call.grants.principal.tenant, AuditQuery(**call.args))
        return reply([event_out(each) for each in page.items], extra=next_page(call, page.cursor))


def asked(call: Call, operation: Operation) -> Asked:
    """A request as the audit log knows it."""
    client = call.scope.get("client")
    return Asked(
        operation=operation.action,
        is_write=operation.method != "GET",
        resource_id=call.made or call.key,
        peer=client[0] if client else "",
        request_id=call.request_id.decode(),
        trace_id=trace_id(call.head.get(b"traceparent")) or "",
        headers=call.head,
        grants=getattr(call, "grants", None),
        done=call.done,
    )


def audit_operations(auditing: Auditing) -> tuple[Operation, ...]:
    """The route of the audit log."""
    return (
        Operation(
            "GET",
            "/v1/audit",
            auditing.list_audit_events,
            {200: Reply("Newest first.", (list[audit_schemas.AuditEvent],), headers=("Link",))},
            "Who did, or tried, what",
            "audit",
            action="audit.read",
            query=(
                integer(
                    "limit", "How many at most.", default=DEFAULT_LIMIT, least=1, most=MAX_LIMIT
                ),
                CURSOR,
                text("operation", "Only events of this operation, such as `keys.write`."),
                text("actor", "Only events of this caller, such as `agent:weather`."),
                choice(
                    "decision", "Only events that ended so.", {each: each for each in DECISIONS}
                ),
                SINCE,
                UNTIL,
            ),
            doc="Events of the caller's tenant: refusals, removals, exports, changes of who may do"
            " what, and what operators read. Never what was said.",
        ),
    )
