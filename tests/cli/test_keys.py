"""`commonhold keys` on both databases: the first key is made where there is none yet."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from commonhold.auth.key_form import key_id_of
from tests.auth.walled import walled
from tests.cli.commands import Result, check_one_line, run
from tests.databases import Databases

PEPPER = "a pepper of thirty-two bytes or so"


def test_a_key_is_made_listed_replaced_and_ended(tmp_path: Path) -> None:
    """On an empty database: its secret is on standard output once, alone, and nowhere else."""
    environ = {"COMMONHOLD_DATABASE": f"sqlite:///{tmp_path}/x.db", "COMMONHOLD_PEPPER": PEPPER}

    def keys(*arguments: str) -> Result:
        return run("keys", *arguments, folder=tmp_path, environ=environ)

    made = keys("create", "--agent", "weather", "--name", "the [b]one[/b]")
    assert made.status == 0, made
    secret = made.out.strip()
    key_id = key_id_of(secret)
    assert key_id is not None
    assert key_id in made.err
    assert secret not in made.err
    rotated = json.loads(keys("rotate", key_id, "--overlap-days", "0", "--json").out)
    assert (rotated["replaces"], rotated["agent"]) == (key_id, "weather")
    revoked = keys("revoke", rotated["key_id"])
    assert (revoked.status, revoked.out.split()[0]) == (0, "revoked")

    listed = keys("list", "--json")
    states = {key["key_id"]: key["state"] for key in map(json.loads, listed.out.splitlines())}
    assert states == {key_id: "expired", rotated["key_id"]: "revoked"}
    shown = keys("list").out
    assert "the [b]one[/b]" in shown
    assert secret.split("_")[3] not in listed.out + shown
    mistaken = keys("revoke", secret)
    assert "No key has this id" in check_one_line(mistaken, 1)
    assert secret not in mistaken.err


def test_the_first_key_is_made_on_postgres_too(empty_postgres_url: str, tmp_path: Path) -> None:
    """Before any service has made a table."""
    environ = {"COMMONHOLD_DATABASE": empty_postgres_url, "COMMONHOLD_PEPPER": PEPPER}
    made = run("keys", "create", "--preset", "operator", folder=tmp_path, environ=environ)
    assert made.out.startswith("chk_operator_"), made


def test_a_command_is_about_one_tenant_where_there_are_several(
    postgres_server: Databases, tmp_path: Path
) -> None:
    """A tenant is made first, on the database itself; where there is one, no other can be named."""

    async def check() -> None:
        async with walled(postgres_server) as database:
            environ = {
                "COMMONHOLD_DATABASE": database.app,
                "COMMONHOLD_DATABASE_MAINTENANCE": database.maintenance,
                "COMMONHOLD_TENANCY": "required",
                "COMMONHOLD_AUTH": "keys",
                "COMMONHOLD_PEPPER": PEPPER,
            }

            def told(*arguments: str) -> Result:
                return run(*arguments, folder=tmp_path, environ=environ)

            key = ("keys", "create", "--preset", "operator")
            assert "--tenant" in check_one_line(told(*key), 1)
            assert "acme" in told("tenants", "create", "acme").out
            acme = ("--tenant", "acme")
            assert told(*key, *acme).out.startswith("chk_operator_")
            agent = ("agents", "register", "a")
            assert "--tenant" in check_one_line(told(*agent), 1)
            assert "bolt" in check_one_line(told(*agent, "--tenant", "bolt"), 1)
            assert told(*agent, *acme).out.split()[:2] == ["registered", "a,"]
            assert "none" in told("redaction", "set", "--redact", "none", *acme).out
            platform = ("keys", "create", "--preset", "platform-admin")
            assert "of no tenant" in check_one_line(told(*platform, *acme), 1)
            whose = ("erase", "eve", "--yes", "--url", database.maintenance)
            assert "--tenant" in check_one_line(told(*whose), 1)
            as_app = told("db", "status", "--database", database.app)
            assert "The role" in check_one_line(as_app, 1)
            assert "kept apart by row-level security" in told("doctor").out
            erased = told(*whose, *acme)
            assert "receipt" in erased.out
            assert told("tenants", "disable", "acme").out.split() == ["disabled", "acme"]
            secured = ("db", "secure", "--app", database.role("app"), "--database", database.owner)
            assert "sees one tenant at a time" in told(*secured).out
            listed = told("audit", "list", "--operation", "tenants.manage", "--json").out
            events = [json.loads(line) for line in listed.splitlines()]
            assert [each["resource_id"] for each in events] == ["acme", "acme"]

    asyncio.run(check())
    environ = {"COMMONHOLD_DATABASE": f"sqlite:///{tmp_path}/x.db", "COMMONHOLD_PEPPER": PEPPER}
    named = ("keys", "create", "--preset", "operator", "--tenant", "acme")
    refused = run(*named, folder=tmp_path, environ=environ)
    assert "COMMONHOLD_TENANCY=required" in check_one_line(refused, 1)
    several = {**environ, "COMMONHOLD_TENANCY": "required"}
    for command in (("tenants", "create", "acme"), named):
        refused = run(*command, folder=tmp_path, environ=several)
        assert "SQLite keeps no tenants apart" in check_one_line(refused, 1)
