"""`commonhold audit`: what was done is listed, and what was changed behind its back is found."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import httpx2
import pytest

from commonhold.cli import app as command_line
from commonhold.model import clock
from commonhold.model.audit import AuditEvent
from commonhold.model.seal import SealKey
from commonhold.sql import open_backend
from commonhold.sql.audit import SqlAudit
from tests import processes
from tests.cli.commands import MISUSED, Result, run

PEPPER = "a pepper of thirty-two bytes or so"


def test_what_was_answered_survives_a_crash_and_is_proved(tmp_path: Path) -> None:
    """A key is made and ended, an agent registered; the service is killed; the log is verified, and then tampered with."""
    environ = {"COMMONHOLD_DATABASE": f"sqlite:///{tmp_path}/x.db", "COMMONHOLD_PEPPER": PEPPER}

    def command(*arguments: str) -> Result:
        return run(*arguments, folder=tmp_path, environ=environ)

    def audit(*arguments: str) -> Result:
        return command("audit", *arguments)

    operator = command("keys", "create", "--preset", "operator").out.strip()
    assert command("agents", "register", "weather").status == 0
    bearer = {"authorization": f"Bearer {operator}"}
    service = processes.service(
        environ["COMMONHOLD_DATABASE"], tmp_path, "--auth", "keys", "--log-format", "json"
    )
    service._environ["COMMONHOLD_PEPPER"] = PEPPER
    with service, httpx2.Client(base_url=service.url, headers=bearer) as client:
        made = client.post("/v1/keys", json={"preset": "viewer"}).json()["key_id"]
        assert client.delete(f"/v1/keys/{made}").status_code == 200
        service.kill9()
        service.start()  # and seals what is not sealed
        assert client.get("/v1/audit").status_code == 200

    assert audit("export", "--to", "all.jsonl").status == 0
    listed = [json.loads(line) for line in (tmp_path / "all.jsonl").read_text().splitlines()]
    changes = [each for each in listed if each["operation"] == "keys.write"]
    assert [each["resource_id"] for each in changes][:2] == [made, made]
    assert changes[-1]["actor"] == "sys:cli"
    [agent] = [each for each in listed if each["operation"] == "agents.manage"]
    assert (agent["resource_id"], agent["reason"]) == ("weather", "registered")
    assert made in audit("list", "--operation", "keys.write", "--decision", "allowed").out

    heads = tmp_path / "service.log"
    heads.write_text(service.log)
    fine = audit("verify", "--heads", str(heads))
    assert (fine.status, fine.out.split()[:2]) == (0, ["verified", str(len(listed))])
    with closing(sqlite3.connect(tmp_path / "x.db")) as database:
        database.execute("DROP TRIGGER audit_event_is_not_changed")
        database.execute("UPDATE audit_event SET actor = 'a stranger' WHERE actor = 'sys:cli'")
        database.commit()
    broken = audit("verify")
    assert (broken.status, broken.out.split()[:3]) == (1, ["broken", "event", "1"])


MISTYPED = {
    ("--operation", "keys.wirte"): "Did you mean keys.write",
    ("--operation", "x"): "There are agents.list, agents.manage, audit.lost",
    ("--tenant", "acme"): "There is one tenant, default",
}


def test_what_is_mistyped_is_not_an_empty_list(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """An operation or a tenant that is not there is refused, with what there is."""
    database = f"sqlite:///{tmp_path}/x.db"
    for arguments, told in MISTYPED.items():
        assert command_line.run(["audit", "list", "--database", database, *arguments]) != 0
        assert told in " ".join(capsys.readouterr().err.split())
    assert not list(tmp_path.iterdir())


async def fill(url: str, key: SealKey) -> None:
    """An event of each of three months, all of them sealed, and one of now that is not."""
    async with await open_backend(url) as backend:
        log = SqlAudit(backend.database)
        event = AuditEvent(at=clock.now(), operation="keys.write", decision="allowed")
        times = [clock.from_rfc3339(f"2025-0{month}-15") for month in (1, 2, 3)]
        await log.add([replace(event, at=at) for at in times])
        await log.seal(key, 10)
        await log.add([event])


def test_old_months_are_pruned_and_the_rest_is_proven(
    capfd: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What would go is said before; whole months go; what is not long ago is refused."""
    key, database = "k" * 32, f"sqlite:///{tmp_path}/x.db"
    monkeypatch.setenv("COMMONHOLD_AUDIT_KEY", key)
    asyncio.run(fill(database, SealKey(key.encode())))

    def audit(*arguments: str) -> list[str]:
        assert command_line.run(["audit", *arguments, "--database", database]) == 0
        said = capfd.readouterr()
        return [" ".join(line.split()) for line in (said.out + said.err).splitlines()]

    before = audit("verify")
    assert before[0].startswith("verified 3 events are as they were sealed, since 2025-01-15")
    assert before[1] == "waiting 1 event waits for its seal"
    asked = ("prune", "--before", "2025-03-14")
    would = ["month events", "2025-01 1", "2025-02 1", "would go 2 events of before 2025-03-01"]
    assert audit(*asked, "--dry-run")[:4] == would
    assert audit("verify") == before
    assert audit(*asked)[3] == "pruned 2 events of before 2025-03-01"
    assert audit(*asked) == ["There are no events of before 2025-03-01 that could go."]
    after = audit("verify")
    assert after[0].startswith("verified 1 events are as they were sealed, since 2025-03-15")
    assert after[2] == before[2]  # the head
    (told,) = audit("list", "--operation", "audit.prune", "--json")
    assert (json.loads(told)["resource_id"], json.loads(told)["count"]) == ("2025-03-01", 2)

    for recent in ("29d", "2999-01-01"):
        wrong = ["audit", "prune", "--before", recent, "--database", database]
        assert command_line.run(wrong) != 0
    with closing(sqlite3.connect(tmp_path / "x.db")) as connection:
        connection.execute("DROP TRIGGER audit_event_is_not_changed")
        connection.execute("UPDATE audit_event SET actor = 'a stranger'")
        connection.commit()
    assert command_line.run(["audit", "prune", "--before", "400d", "--database", database]) == 1
    said = capfd.readouterr()
    assert "Nothing was pruned" in said.err
    assert said.out.split()[:3] == ["broken", "event", "3"]


def test_nothing_is_proved_without_the_key(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """What the log was sealed with is asked for, by its name, and the log is not looked at."""
    status = command_line.run(["audit", "verify", "--database", f"sqlite:///{tmp_path}/x.db"])

    assert status == MISUSED
    assert "COMMONHOLD_AUDIT_KEY" in capsys.readouterr().err
