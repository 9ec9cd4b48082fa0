"""Who is let in, by the modes that are on."""

from __future__ import annotations

from commonhold.auth import Authenticator
from commonhold.auth.acting import Tokens, WithProof
from commonhold.auth.combined import KeysOrTokens
from commonhold.auth.gateway import BehindGateway
from commonhold.auth.issuers import Issuers
from commonhold.auth.none import authenticate as anonymous
from commonhold.auth.roster import Roster
from commonhold.compose.gateway import gateway_of
from commonhold.compose.issuers import issuers_of
from commonhold.compose.keys import KeyMode
from commonhold.compose.oidc import OidcMode
from commonhold.compose.storage import LateBackend
from commonhold.compose.tenants import Tenancy
from commonhold.model.registry import Identity, Registered
from commonhold.settings import Settings
from commonhold.sql.registry import SqlRegistry


class Callers:
    """The modes of a service, and the `Authenticator` that they make together.

    Raises:
        InvalidSettings: one of them lacks what it needs.
    """

    def __init__(self, settings: Settings, late: LateBackend, tenancy: Tenancy) -> None:
        self._settings = settings
        self._tenancy = tenancy
        self._late = late
        self.keys = KeyMode(settings, late) if "keys" in settings.modes else None
        self._tokens = self._tokens_of(settings)
        self.oidc = None if self._tokens is None else OidcMode(settings, self._tokens.resolve)

    @property
    def authenticate(self) -> Authenticator:
        """Who sent a request, and is of a tenant that is let in."""
        direct = self._direct()
        if "gateway" in self._settings.modes:
            direct = BehindGateway(gateway_of(self._settings, self.issuers), direct)
        return anonymous if direct is None else self._tenancy.of_a_tenant(direct)

    @property
    def issuers(self) -> Issuers | None:
        """Whose tokens are taken; None where none are."""
        return None if self.oidc is None else self.oidc.issuers

    def forget(self) -> None:
        """Look up again which agents may call: one was changed."""
        if self._tokens is not None:
            self._tokens.forget()
        if self.keys is not None:
            self.keys.authenticate.forget_all()

    async def aclose(self) -> None:
        """Let go of what the modes hold."""
        if self.oidc is not None:
            await self.oidc.aclose()

    def _direct(self) -> Authenticator | None:
        """Who sent a request with a credential, if any is taken."""
        keys = None if self.keys is None else self.keys.authenticate
        if self.oidc is None or self._tokens is None:
            return keys
        tokens = self.oidc.authenticate
        single = tokens if keys is None else KeysOrTokens(keys, tokens)
        return WithProof(single, self.oidc.verifier, self._tokens)

    def _tokens_of(self, settings: Settings) -> Tokens | None:
        if "oidc" not in settings.modes:
            return None
        needs_proof = settings.require_agent_proof
        roster = Roster(self._bound)
        return Tokens(issuers_of(settings), roster, needs_proof=needs_proof)

    async def _bound(self, identity: Identity) -> Registered | None:
        return await SqlRegistry(self._late.opened().database).bound(identity)
