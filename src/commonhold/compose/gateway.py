"""Mode `gateway`: from the settings to which gateways are believed, and of whom."""

from __future__ import annotations

from commonhold.auth.gateway import Gateway
from commonhold.auth.issuers import Issuers
from commonhold.model.tenant import SINGLE
from commonhold.settings import Settings
from commonhold.settings.gateway import networks_of


def gateway_of(settings: Settings, issuers: Issuers | None) -> Gateway:
    """The gateways that the settings name, beside these issuers."""
    unnamed = SINGLE if settings.tenancy == "single" else ""
    prefixes = () if issuers is None else tuple(each.user_prefix or "" for each in issuers)
    return Gateway(
        networks=networks_of(settings.gateway_cidrs),
        secrets=settings.gateway_secret,
        default_tenant=settings.gateway_default_tenant or unnamed,
        user_prefix=settings.gateway_user_prefix,
        allows_anonymous=settings.allow_anonymous,
        same_subject=settings.gateway_same_subject,
        taken=tuple(each for each in prefixes if each and each != settings.gateway_user_prefix),
    )
