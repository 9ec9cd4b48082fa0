"""Issuers out of the settings; what verifies their tokens is not loaded for that."""

from __future__ import annotations

from pathlib import Path

from commonhold.auth.issuer_text import read_issuers
from commonhold.auth.issuers import Issuers
from commonhold.compose.keys import peppers_of
from commonhold.errors import FieldError
from commonhold.settings import PREFIX, InvalidSettings, Settings

ISSUERS = f"{PREFIX}OIDC_ISSUERS"

_MISSING = (
    "oidc needs it: the path of a TOML or JSON file with the issuers whose tokens are taken, or that"
    " JSON itself. docs/howto/take-tokens-of-an-issuer.md has examples."
)


def check_callers(settings: Settings) -> None:
    """See that each mode has what it needs, before anything is served.

    Raises:
        InvalidSettings: one has not.
    """
    if "keys" in settings.modes:
        peppers_of(settings)
    if "oidc" in settings.modes:
        issuers_of(settings)


def issuers_of(settings: Settings) -> Issuers:
    """The issuers that the settings name, or the file that they name.

    Raises:
        InvalidSettings: there are none, or one is wrong.
    """
    given = settings.oidc_issuers
    if not given:
        raise wrong(_MISSING)
    try:
        issuers = read_issuers(given if given.startswith(("[", "{")) else _text(given))
    except ValueError as error:
        raise wrong(str(error)) from error
    if settings.tenancy == "required":
        _check_tenants(issuers)
    return issuers


def _check_tenants(issuers: Issuers) -> None:
    """See that it is known whose the users of each issuer are; an agent's tenant is in its binding."""
    for each in issuers:
        if each.has_people and not (each.tenant or each.tenant_claim):
            raise wrong(
                f"issuer {each.alias}: with COMMONHOLD_TENANCY=required, `tenant` or `tenant_claim`"
                " must say whose its users are."
            )


def _text(path: str) -> str:
    try:
        return Path(path).read_text()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not text"
        raise ValueError(f"{path} cannot be read: {reason}.") from error


def wrong(told: str) -> InvalidSettings:
    """The error of issuers that are not as they must be."""
    return InvalidSettings([FieldError((ISSUERS,), told)])
