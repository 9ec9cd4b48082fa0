"""The keys that vote tokens are signed with: out of the settings, or else out of the database."""

from __future__ import annotations

from collections.abc import Sequence

from commonhold.auth.vote_token import key_of
from commonhold.compose.storage import LateBackend
from commonhold.sql.keys import service_key

PURPOSE = "votes"


class VoteKeys:
    """The keys of vote tokens, the one that signs first.

    Without secrets there is one key, made once by whichever process needs it first.
    """

    def __init__(self, secrets: Sequence[str], late: LateBackend) -> None:
        self._late = late
        self._keys = tuple(key_of(secret.encode()) for secret in secrets)

    async def __call__(self) -> Sequence[bytes]:
        """The keys.

        Raises:
            Unavailable: they are in the database, which is not there yet.
        """
        if not self._keys:
            database = self._late.opened().database
            self._keys = (key_of(await service_key(database, PURPOSE)),)
        return self._keys
