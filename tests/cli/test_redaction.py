"""`commonhold redaction`: what is kept out, shown and changed; and tried on a text."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.commands import Result, check_one_line, run
from tests.redact.secrets import CORE, JWT


def test_a_policy_is_changed_and_shown(tmp_path: Path) -> None:
    """On the database itself, with an audit event; what is wrong is told with what is allowed."""
    environ = {"COMMONHOLD_DATABASE": f"sqlite:///{tmp_path}/x.db"}

    def command(*arguments: str) -> Result:
        return run(*arguments, folder=tmp_path, environ=environ)

    def redaction(*arguments: str) -> Result:
        return command("redaction", *arguments)

    assert "db upgrade" in check_one_line(redaction("show"), 1)
    assert command("db", "upgrade").status == 0
    changed = redaction("set", "--capture", "none", "--redact", "credentials,personal", "--json")
    assert json.loads(changed.out)["own"] == {
        "capture": "none",
        "redact": ["credentials", "personal"],
    }
    assert json.loads(redaction("show", "--json").out) == json.loads(changed.out)
    assert "sys:cli" in redaction("show").out
    back = redaction("set").out.split()
    assert back[:4] == ["capture", "masked", "redact", "credentials"]
    listed = command("audit", "list", "--operation", "redaction.write", "--json").out.splitlines()
    events = [json.loads(line) for line in listed]
    assert [(each["actor"], each["resource_id"]) for each in events] == [
        ("sys:cli", "masked credentials"),
        ("sys:cli", "none credentials,personal"),
    ]
    assert "one of none, masked, full" in check_one_line(redaction("set", "--capture", "x"), 1)
    assert "credentials, personal" in check_one_line(redaction("set", "--redact", "x"), 1)


def test_a_text_is_tried(tmp_path: Path) -> None:
    """What would become of it is printed, and nothing is stored."""
    (tmp_path / "text").write_text(f"Bearer {CORE}, {JWT}, mail a@b.example\n")
    usual = run("redaction", "try", "text", folder=tmp_path)
    more = run("redaction", "try", "--redact", "personal", "text", folder=tmp_path)

    assert usual.out == "Bearer [redacted:bearer], [redacted:jwt], mail a@b.example\n"
    assert "bearer 1, jwt 1" in usual.err
    assert "[redacted:email]" in more.out
    assert JWT in more.out
    assert "cannot be read" in check_one_line(run("redaction", "try", "no", folder=tmp_path), 1)
    assert not list(tmp_path.glob("*.db"))
