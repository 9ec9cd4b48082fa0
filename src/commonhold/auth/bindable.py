"""Which identities an agent may be bound to, where it is known who vouches for them."""

from __future__ import annotations

from commonhold.auth.issuers import Issuers
from commonhold.errors import FieldError, InvalidRequest, TenantConflict
from commonhold.model.registry import Identity


def check_bindable(identity: Identity, tenant: str, issuers: Issuers) -> None:
    """Return when an agent of a tenant may be that identity.

    Raises:
        InvalidRequest: nobody vouches for it.
        TenantConflict: it is of another tenant, which could not have it any more.
    """
    issuer = issuers.named(identity.issuer)
    if issuer is None:
        known = ", ".join(sorted(each.alias for each in issuers))
        rule = f"must be the alias of an issuer that is configured here: {known}"
        raise InvalidRequest(f"issuer {rule}.", errors=[FieldError(("issuer",), rule)])
    if issuer.tenant_of(identity.subject) not in ("", tenant):
        raise TenantConflict(f"{identity.subject} of {issuer.alias} is of another tenant.")
