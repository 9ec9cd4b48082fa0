"""What several tenants need before a service may start."""

from __future__ import annotations

from commonhold.errors import FieldError

NEEDS_POSTGRES = (
    "SQLite keeps no tenants apart, and COMMONHOLD_TENANCY=required needs that; set a Postgres, such"
    " as `postgresql://commonhold_app:password@host/name`, or COMMONHOLD_TENANCY=single."
)
_MAINTENANCE = (
    "COMMONHOLD_TENANCY=required needs it for what is done across tenants: the URL of the same"
    " database with a role that has BYPASSRLS. docs/howto/serve-several-tenants.md makes one."
)
_AUTH = (
    "COMMONHOLD_TENANCY=required needs to know of which tenant a caller is, and `none` asks nobody;"
    " set COMMONHOLD_AUTH=keys."
)
_UNUSED = "it is for COMMONHOLD_TENANCY=required only; set that too, or neither."


def tenancy_faults(tenancy: str, database: str, maintenance: str, auth: str) -> list[FieldError]:
    """What keeps a service from serving tenants as the settings say, by the variable to set."""
    if tenancy != "required":
        wrong = {"DATABASE_MAINTENANCE": _UNUSED if maintenance else ""}
    else:
        wrong = {
            "DATABASE": NEEDS_POSTGRES if database.startswith("sqlite:") else "",
            "DATABASE_MAINTENANCE": "" if maintenance else _MAINTENANCE,
            "AUTH": _AUTH if auth == "none" else "",
        }
    return [FieldError((f"COMMONHOLD_{name}",), told) for name, told in wrong.items() if told]
