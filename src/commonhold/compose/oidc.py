"""Mode `oidc`: from the settings to issuers, their keys, and who is let in."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

from commonhold.auth.issuers import Issuer
from commonhold.auth.jwks import KeySet
from commonhold.auth.key_source import source_of
from commonhold.auth.oidc import OidcAuthenticator, Resolve, users_of
from commonhold.auth.token_review import ReviewedVerifier, Reviewer
from commonhold.auth.tokens import Verifier
from commonhold.client.documents import DocumentReader
from commonhold.compose.issuers import check_files, issuers_of, trusted
from commonhold.settings import Settings


class OidcMode:
    """What asks for tokens. `resolve` says whom one stands for; without it, for a user."""

    def __init__(self, settings: Settings, resolve: Resolve | None = None) -> None:
        self.issuers = issuers_of(settings)
        check_files(self.issuers)
        self._servers = {each.alias: IssuerServer(each) for each in self.issuers}
        self._keys = {
            each.alias: KeySet(each.alias, source_of(each, self._servers[each.alias].get))
            for each in self.issuers
        }
        self._reviewers = {
            each.alias: Reviewer(each, self._servers[each.alias].post)
            for each in self.issuers
            if each.token_review
        }
        self.verifier = ReviewedVerifier(Verifier(self.issuers, self._keys), self._reviewers)
        resolve = resolve or users_of(self.issuers)
        self.authenticate = OidcAuthenticator(self.verifier, resolve)

    async def aclose(self) -> None:
        """Ask no issuer anything more."""
        for keys in self._keys.values():
            await keys.aclose()
        for reviewer in self._reviewers.values():
            await reviewer.aclose()
        for server in self._servers.values():
            await server.aclose()


class IssuerServer:
    """Where an issuer is asked for its keys, and about tokens: whom to trust there, and what to show."""

    def __init__(self, issuer: Issuer) -> None:
        self._reader = DocumentReader(trusted(issuer))
        self._token_file = issuer.token_file

    async def get(self, url: str) -> bytes:
        """The document at a URL.

        Raises:
            Unavailable: there is none.
            OSError: what to show cannot be read.
        """
        return await self._reader.get(url, await self._shown())

    async def post(self, url: str, body: bytes) -> bytes:
        """The document that is answered to one.

        Raises:
            Unavailable: there is none.
            OSError: what to show cannot be read.
        """
        return await self._reader.post(url, body, await self._shown())

    async def aclose(self) -> None:
        """Close what is open."""
        await self._reader.aclose()

    async def _shown(self) -> Mapping[str, str]:
        if not self._token_file:
            return {}
        # Read each time: whoever wrote it writes another before it ends.
        token = await asyncio.to_thread(Path(self._token_file).read_text)
        return {"Authorization": f"Bearer {token.strip()}"}
