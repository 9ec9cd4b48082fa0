"""Who is let in, by the modes that are on."""

from __future__ import annotations

from commonhold.auth import Authenticator
from commonhold.auth.combined import KeysOrTokens
from commonhold.auth.none import authenticate as anonymous
from commonhold.compose.keys import KeyMode
from commonhold.compose.oidc import OidcMode
from commonhold.compose.storage import LateBackend
from commonhold.settings import Settings


class Callers:
    """The modes of a service, and the `Authenticator` that they make together.

    Raises:
        InvalidSettings: one of them lacks what it needs.
    """

    def __init__(self, settings: Settings, late: LateBackend) -> None:
        self.keys = KeyMode(settings, late) if "keys" in settings.modes else None
        self.oidc = OidcMode(settings) if "oidc" in settings.modes else None

    @property
    def authenticate(self) -> Authenticator:
        """Who sent a request."""
        if self.keys is not None and self.oidc is not None:
            return KeysOrTokens(self.keys.authenticate, self.oidc.authenticate)
        if self.oidc is not None:
            return self.oidc.authenticate
        return anonymous if self.keys is None else self.keys.authenticate

    async def aclose(self) -> None:
        """Let go of what the modes hold."""
        if self.oidc is not None:
            await self.oidc.aclose()
