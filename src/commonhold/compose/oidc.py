"""Mode `oidc`: from the settings to issuers, their keys, and who is let in."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path

from commonhold.auth.issuers import Issuer
from commonhold.auth.jwks import KeySet
from commonhold.auth.key_source import Fetch, source_of
from commonhold.auth.oidc import OidcAuthenticator, Resolve, users_of
from commonhold.auth.tokens import Verifier
from commonhold.client.documents import DocumentReader
from commonhold.compose.issuers import issuers_of, wrong
from commonhold.settings import Settings


class OidcMode:
    """What asks for tokens. `resolve` says whom one stands for; without it, for a user."""

    def __init__(self, settings: Settings, resolve: Resolve | None = None) -> None:
        self.issuers = issuers_of(settings)
        self._readers: list[DocumentReader] = []
        self._keys = {
            each.alias: KeySet(each.alias, source_of(each, self._fetch(each)))
            for each in self.issuers
        }
        self.verifier = Verifier(self.issuers, self._keys)
        resolve = resolve or users_of(self.issuers)
        self.authenticate = OidcAuthenticator(self.verifier, resolve)

    async def aclose(self) -> None:
        """Fetch no more keys."""
        for keys in self._keys.values():
            await keys.aclose()
        for reader in self._readers:
            await reader.aclose()

    def _fetch(self, issuer: Issuer) -> Fetch:
        reader = DocumentReader(_trusted(issuer))
        self._readers.append(reader)

        async def fetch(url: str) -> bytes:
            if not issuer.token_file:
                return await reader.get(url, {})
            # Read each time: whoever wrote it writes another before it ends.
            token = await asyncio.to_thread(Path(issuer.token_file).read_text)
            return await reader.get(url, {"Authorization": f"Bearer {token.strip()}"})

        return fetch


def _trusted(issuer: Issuer) -> ssl.SSLContext | None:
    if not issuer.ca_file:
        return None
    try:
        return ssl.create_default_context(cafile=issuer.ca_file)
    except (OSError, ssl.SSLError) as error:
        told = f"issuer {issuer.alias}: `ca_file` {issuer.ca_file} cannot be used: {error}."
        raise wrong(told) from error
