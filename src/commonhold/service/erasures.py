"""Erasures by who works on the database itself: no request stands behind them."""

from __future__ import annotations

from commonhold.auth.principal import Principal
from commonhold.contract.audit import Audit
from commonhold.contract.erasures import Erasures
from commonhold.model.erasure import Erasure
from commonhold.model.page import DEFAULT_LIMIT, Page
from commonhold.service.audit import tell


class ToldErasures:
    """`contract.erasures.Erasures`, and each that `caller` asks for is an audit event, once."""

    def __init__(self, erasures: Erasures, caller: Principal, audit: Audit) -> None:
        self._erasures = erasures
        self._caller = caller
        self._audit = audit
        self._told: set[str] = set()

    async def create(self, user: str, /, *, key: str | None = None) -> Erasure:
        """Begin or go on, and write who did before anybody is told.

        Raises:
            Unavailable: the event could not be written.
        """
        receipt = await self._erasures.create(user, key=key)
        erasure_id = receipt.erasure_id or ""
        if erasure_id not in self._told:
            await tell(self._audit, self._caller, "erasures.create", ("erasure", erasure_id))
            self._told.add(erasure_id)
        return receipt

    async def survey(self, user: str, /) -> Erasure:
        """What belongs to the user, which is no event: nothing is done, and nothing that was said is seen."""
        return await self._erasures.survey(user)

    async def get(self, erasure_id: str, /) -> Erasure:
        """The receipt as it is now."""
        return await self._erasures.get(erasure_id)

    async def list(self, *, limit: int = DEFAULT_LIMIT, cursor: str = "") -> Page[Erasure]:
        """Receipts, newest first."""
        return await self._erasures.list(limit=limit, cursor=cursor)
