"""Issuers out of the settings; what verifies their tokens is not loaded for that."""

from __future__ import annotations

import ssl
from dataclasses import replace
from pathlib import Path

from commonhold.auth.issuer_text import read_issuers
from commonhold.auth.issuers import Issuer, Issuers
from commonhold.auth.jwks_text import read_jwks
from commonhold.compose.keys import peppers_of
from commonhold.errors import FieldError
from commonhold.settings import PREFIX, InvalidSettings, Settings

ISSUERS = f"{PREFIX}OIDC_ISSUERS"
COMPAT_AUDIENCES = f"{PREFIX}OIDC_COMPAT_AUDIENCES"

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
        check_files(issuers_of(settings))


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
    return _taking(issuers, settings.oidc_compat_audiences)


def check_files(issuers: Issuers) -> None:
    """See that the files which issuers name are there, and what they are meant to be.

    Raises:
        InvalidSettings: one is not.
    """
    for each in issuers:
        trusted(each)
        try:
            if each.jwks_file:
                read_jwks(Path(each.jwks_file).read_bytes(), each.kind)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            told = f"issuer {each.alias}: `jwks_file` {each.jwks_file} cannot be used: {reason}."
            raise wrong(told) from error


def trusted(issuer: Issuer) -> ssl.SSLContext | None:
    """Whom an issuer's server has to be vouched for by; None for whom this machine trusts.

    Raises:
        InvalidSettings: its file cannot be used.
    """
    if not issuer.ca_file:
        return None
    try:
        return ssl.create_default_context(cafile=issuer.ca_file)
    except (OSError, ssl.SSLError) as error:
        told = f"issuer {issuer.alias}: `ca_file` {issuer.ca_file} cannot be used: {error}."
        raise wrong(told) from error


def _taking(issuers: Issuers, audiences: tuple[str, ...]) -> Issuers:
    """The issuers, of which those that have users take tokens for these audiences of agents too."""
    for each in issuers:
        if both := sorted(set(audiences) & set(each.audiences)):
            told = (
                f"it must name audiences of agents, and {', '.join(both)} is one of this service:"
                f" issuer {each.alias} has it in `audiences`."
            )
            raise InvalidSettings([FieldError((COMPAT_AUDIENCES,), told)])
    return Issuers(
        [
            replace(each, compat_audiences=(*each.compat_audiences, *audiences))
            if each.has_people
            else each
            for each in issuers
        ]
    )


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
