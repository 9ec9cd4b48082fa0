"""Seals of the audit log: made every minute, and told to the log of the service."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from commonhold.contract.audit import AuditLog
from commonhold.model.seal import Link, SealKey

EVERY_S = 60.0
SOON_S = 1.0
BATCH = 500
"""Events sealed in one transaction."""

_log = logging.getLogger("commonhold.audit")


class Sealer:
    """Seals events that are not. Replicas may all have one: what one has sealed, others find sealed."""

    def __init__(self, key: SealKey) -> None:
        self._key = key

    async def step(self, log: AuditLog) -> float:
        """Seal a batch; in how many seconds to come again."""
        links = await log.seal(self._key, BATCH)
        if links is None:
            return SOON_S
        _tell(links)
        return 0.0 if len(links) == BATCH else EVERY_S


def _tell(links: Sequence[Link]) -> None:
    """Say the new head of each tenant, so that it leaves the machine with its log."""
    for head in {each.tenant: each for each in links}.values():
        fields = {
            "audit_tenant": head.tenant,
            "audit_n": head.n,
            "audit_seq": head.seq,
            "audit_head": head.mac.hex(),
            "audit_key": head.key_id,
        }
        told = "The audit log of tenant %s is sealed up to event %d of it."
        _log.info(told, head.tenant, head.n, extra={"fields": fields})
