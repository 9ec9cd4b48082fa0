"""`commonhold doctor` finds what would keep the service from working, and says what to do."""

from __future__ import annotations

import json
import shutil
import socket
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace

import pytest

from commonhold import compose
from commonhold.cli import doctor
from commonhold.model import clock
from commonhold.settings import Settings
from tests.cli.commands import run

Checks = dict[str, doctor.Check]


def examined(folder: Path, environ: Mapping[str, str] | None = None) -> tuple[int, Checks]:
    """The status, and every check by name."""
    result = run("doctor", "--port", "0", "--json", folder=folder, environ=environ)
    checks = [doctor.Check(**each) for each in json.loads(result.out)]
    return result.status, {check.name: check for check in checks}


def test_a_fresh_folder_is_fit_and_stays_untouched(tmp_path: Path) -> None:
    """Looking makes no database."""
    status, checks = examined(tmp_path)

    assert status == 0
    assert {check.state for check in checks.values()} == {"ok"}
    assert {"settings", "database", "schema", "disk", "port"} <= checks.keys()
    assert list(tmp_path.iterdir()) == []


def test_a_person_gets_a_table_and_a_verdict(tmp_path: Path) -> None:
    """With the advice below what was found."""
    sound = run("doctor", "--port", "0", folder=tmp_path)
    broken = run("doctor", "--database", "sqlite:////no/such/x.db", folder=tmp_path)

    assert "All is well." in sound.out
    assert broken.status == 1
    assert "mkdir -p /no/such" in broken.out
    assert "Not fit to serve" in broken.out


def test_a_postgres_in_use_is_fit(postgres_url: str, tmp_path: Path) -> None:
    """With its version, its schema and its clock."""
    status, checks = examined(tmp_path, {"COMMONHOLD_DATABASE": postgres_url})

    assert status == 0
    assert {check.state for check in checks.values()} == {"ok"}
    assert "postgres 1" in checks["database"].found
    assert "from the database's" in checks["clock"].found


def test_an_empty_postgres_is_upgraded_at_the_next_start(
    empty_postgres_url: str, tmp_path: Path
) -> None:
    """A warning; but a failure when starting does not upgrade."""
    environ = {"COMMONHOLD_DATABASE": empty_postgres_url}

    status, checks = examined(tmp_path, environ)
    strict_status, strict = examined(tmp_path, {**environ, "COMMONHOLD_AUTO_UPGRADE": "false"})

    assert (status, checks["schema"].state) == (0, "warn")
    assert (strict_status, strict["schema"].state) == (1, "fail")
    assert "commonhold db upgrade" in strict["schema"].advice


def test_a_database_that_does_not_answer_is_a_failure(tmp_path: Path) -> None:
    """And its password is nobody's business."""
    environ = {"COMMONHOLD_DATABASE": "postgresql://me:hunter2@127.0.0.1:1/x"}

    result = run("doctor", "--json", folder=tmp_path, environ=environ)
    status, checks = examined(tmp_path, environ)

    assert (status, checks["database"].state) == (1, "fail")
    assert "COMMONHOLD_DATABASE" in checks["database"].advice
    assert "hunter2" not in result.out + result.err


def test_a_file_that_is_no_database_is_a_failure(tmp_path: Path) -> None:
    """It is named for what it is not."""
    (tmp_path / "commonhold.db").write_bytes(b"something else" * 100)

    status, checks = examined(tmp_path)

    assert (status, checks["database"].state) == (1, "fail")
    assert "not a SQLite database" in checks["database"].advice


def test_settings_that_are_wrong_are_listed(tmp_path: Path) -> None:
    """Each by its variable; nothing else is looked at."""
    wrong = {"COMMONHOLD_WORKERS": "many", "COMMONHOLD_AUTH": "saml"}
    result = run("doctor", "--json", folder=tmp_path, environ=wrong)

    found = json.loads(result.out)

    assert result.status == 1
    assert {check["found"] for check in found} == set(wrong)
    assert all(check["state"] == "fail" and check["advice"] for check in found)

    absent = [{"alias": "spire", "issuer": "https://x", "audiences": ["c"], "jwks_file": "absent"}]
    issuers = {"COMMONHOLD_AUTH": "oidc", "COMMONHOLD_OIDC_ISSUERS": json.dumps(absent)}
    status, checks = examined(tmp_path, issuers)
    assert (status, "`jwks_file` absent" in checks["settings"].advice) == (1, True)


def test_an_open_door_is_a_failure(tmp_path: Path) -> None:
    """As it is for `serve`."""
    status, checks = examined(tmp_path, {"COMMONHOLD_HOST": "0.0.0.0"})

    assert status == 1
    assert "COMMONHOLD_INSECURE" in checks["settings"].advice


def test_a_misspelt_variable_is_pointed_out(tmp_path: Path) -> None:
    """It would be without effect otherwise, and without a word."""
    status, checks = examined(tmp_path, {"COMMONHOLD_DATABSE": "sqlite:///x.db"})

    assert (status, checks["settings"].state) == (0, "warn")
    assert "COMMONHOLD_DATABSE" in checks["settings"].found


def test_a_port_in_use_is_pointed_out(tmp_path: Path) -> None:
    """It may well be the service itself."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        result = run("doctor", "--port", port, folder=tmp_path)

    assert result.status == 0
    assert "warn" in result.out
    assert port in result.out


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="no folder that refuses even root")
def test_a_folder_that_cannot_be_written_is_a_failure() -> None:
    """SQLite needs to make files beside its own."""
    check = doctor._disk(Settings(database="sqlite:////proc/x.db"))

    assert check.state == "fail"
    assert "/proc cannot be written" in check.found


@pytest.mark.parametrize(
    ("free", "state"), [(2 << 30, "ok"), (200 << 20, "warn"), (1 << 20, "fail")]
)
def test_a_disk_is_told_before_it_is_full(
    free: int, state: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A warning while there is time, a failure when there is none."""
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=free))

    assert doctor._disk(Settings(database=f"sqlite:///{tmp_path}/x.db")).state == state


@pytest.mark.parametrize(("ahead_s", "state"), [(0, "ok"), (5, "warn"), (-3600, "fail")])
async def test_a_clock_that_is_wrong_is_found(
    ahead_s: int, state: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Against the clock of the database, in either direction."""
    right = clock.now
    monkeypatch.setattr(clock, "now", lambda: right() + ahead_s * 1_000_000)

    async with await compose.open_for_upkeep(Settings(database=f"sqlite:///{tmp_path}/x.db")) as db:
        check = await doctor._clock(db)

    assert check.state == state
