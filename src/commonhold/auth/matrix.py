"""The matrix: every operation there is, and what each kind of caller may do with it. Data.

A cell says which rows an operation reaches:

    all      every row of the tenant
    meta     every row of the tenant, without what was said in conversations
    content  every row of the tenant, for who has the scope `traces:content`
    part     rows that the agent had a part in: its traces, the votes on its answers
    own      rows that the agent wrote, or holds
    user     rows of the user
    anon     rows that nobody in particular made, by their exact id
    no       none: this kind of caller may not do it

Sessions are shared by the fleet: any agent of the tenant reads and appends. What each agent may
supersede is decided message by message, in `commonhold.model.merge`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

COLUMNS = (
    *("user", "agent", "agent verified", "agent asserted", "anonymous", "ingest"),
    *("feedback", "viewer", "operator", "platform", "service"),
)
"""Kinds of callers; an agent by itself, and for a user who is proven or only named."""

PUBLIC = frozenset({"service.health", "service.page"})
"""What anybody may ask, and what tells nothing about anybody."""

# fmt: off
_TABLE = """
#                 scope             user  agent verif assrt anon  ingst fback view  oper    plat  serv
sessions.create   sessions:write    all   all   all   all   all   no    no    no    no      no    no
sessions.summary  sessions:read     user  all   all   all   anon  no    no    meta  all     no    no
sessions.read     sessions:read     user  all   all   all   anon  no    no    no    all     no    no
sessions.list     sessions:read     user  all   all   all   no    no    no    meta  all     no    no
sessions.timeline sessions:read     user  part  part  part  no    no    no    no    all     no    no
sessions.append   sessions:write    user  all   all   all   anon  no    no    no    no      no    no
sessions.put      sessions:write    user  all   all   all   no    no    no    no    no      no    no
sessions.revert   sessions:write    user  all   all   all   no    no    no    no    no      no    no
sessions.fork     sessions:write    user  all   all   all   no    no    no    no    no      no    no
sessions.cost     sessions:write    no    all   all   all   no    no    no    no    no      no    no
sessions.state    sessions:write    no    all   all   all   no    no    no    no    no      no    no
sessions.lease    sessions:write    no    all   all   all   no    no    no    no    no      no    no
sessions.handoff  sessions:write    no    own   own   own   no    no    no    no    no      no    no
sessions.repair   sessions:write    no    all   all   all   no    no    no    no    no      no    no
sessions.delete   sessions:delete   user  own   own   no    no    no    no    no    all     no    no
traces.write      traces:write      no    all   all   all   no    all   no    no    no      no    no
traces.read       traces:read       no    part  part  part  no    no    no    no    content no    no
traces.list       traces:read       no    part  part  part  no    no    no    meta  all     no    no
traces.delete     traces:delete     no    no    no    no    no    no    no    no    all     no    no
agents.list       stats:read        no    part  part  part  no    no    no    all   all     no    no
feedback.create   feedback:write    all   all   all   all   all   no    all   no    no      no    no
feedback.token    feedback:write    all   all   all   all   no    no    all   no    no      no    no
feedback.read     feedback:read     user  part  part  part  no    no    no    meta  all     no    no
feedback.list     feedback:read     user  part  part  part  no    no    no    meta  all     no    no
feedback.update   feedback:write    user  own   own   no    no    no    no    no    no      no    no
feedback.delete   feedback:delete   user  no    no    no    no    no    no    no    all     no    no
feedback.stats    stats:read        no    part  part  part  no    no    no    all   all     no    no
scores.create     feedback:write    all   all   all   all   no    no    no    no    no      no    no
scores.read       feedback:read     user  part  part  part  no    no    no    meta  all     no    no
scores.list       feedback:read     user  part  part  part  no    no    no    meta  all     no    no
scores.update     feedback:write    user  own   own   no    no    no    no    no    no      no    no
scores.delete     feedback:delete   user  no    no    no    no    no    no    no    all     no    no
scores.stats      stats:read        no    part  part  part  no    no    no    all   all     no    no
keys.read         keys:manage       no    no    no    no    no    no    no    no    all     all   no
keys.write        keys:manage       no    no    no    no    no    no    no    no    all     all   no
agents.manage     agents:manage     no    no    no    no    no    no    no    no    all     all   no
tenants.manage    platform:admin    no    no    no    no    no    no    no    no    no      all   no
redaction.read    agents:manage     no    no    no    no    no    no    no    no    all     all   no
redaction.write   agents:manage     no    no    no    no    no    no    no    no    all     all   no
audit.read        audit:read        no    no    no    no    no    no    no    no    all     all   no
export.read       export:read       no    no    no    no    no    no    no    no    all     no    no
webhooks.manage   agents:manage     no    no    no    no    no    no    no    no    all     no    no
erasures.create   sessions:delete   no    no    no    no    no    no    no    no    all     no    no
service.metrics   stats:read        no    no    no    no    no    no    no    all   all     all   no
service.docs      -                 no    no    no    no    no    no    no    no    no      no    no
service.health    -                 all   all   all   all   all   all   all   all   all     all   all
service.page      -                 all   all   all   all   all   all   all   all   all     all   all
"""
# fmt: on


@dataclass(frozen=True, slots=True)
class Row:
    """One operation: the scope that it needs, if any, and its cells by column."""

    operation: str
    scope: str
    cells: Mapping[str, str]


def _rows() -> Iterator[Row]:
    for line in _TABLE.strip().splitlines()[1:]:
        operation, scope, *cells = line.split()
        yield Row(operation, scope.strip("-"), dict(zip(COLUMNS, cells, strict=True)))


MATRIX: Mapping[str, Row] = {row.operation: row for row in _rows()}
"""Every operation by its name."""
