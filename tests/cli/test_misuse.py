"""What cannot be done is said in one line, with what to do instead."""

from __future__ import annotations

import socket
import sys
from pathlib import Path
from subprocess import run as start

import pytest

from tests.cli.commands import MISUSED, check_one_line, run


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["serve", "--prot", "1"], "--port"),
        (["sevre"], "serve"),
        (["db", "downgrade"], "db --help"),
        (["serve", "extra"], "extra"),
        (["serve", "--port"], "--port"),
        (["serve", "--port", "http"], "COMMONHOLD_PORT"),
        (["serve", "--auth", "oidc"], "COMMONHOLD_OIDC_ISSUERS"),
        (["serve", "--auth", "keys"], "COMMONHOLD_PEPPER"),
        (["keys", "list"], "COMMONHOLD_PEPPER"),
        (["serve", "--host", "0.0.0.0"], "COMMONHOLD_INSECURE=true"),
        (["serve", "--database", "mysql://h/d"], "sqlite:///file.db"),
        (["serve", "--database", "sqlite:///:memory:", "--workers", "2"], "COMMONHOLD_WORKERS"),
        (["db", "upgrade", "--database", "nowhere"], "COMMONHOLD_DATABASE"),
    ],
)
def test_the_impossible_is_refused(arguments: list[str], told: str, tmp_path: Path) -> None:
    """With status 2, and nothing is made."""
    line = check_one_line(run(*arguments, folder=tmp_path), MISUSED)

    assert told in line
    assert list(tmp_path.iterdir()) == []


def test_every_wrong_variable_has_its_line(tmp_path: Path) -> None:
    """All at once, each with what is allowed."""
    wrong = {"COMMONHOLD_PORT": "x", "COMMONHOLD_WORKERS": "none", "COMMONHOLD_AUTH": "saml"}

    result = run("serve", folder=tmp_path, environ=wrong)

    assert result.status == MISUSED
    assert sorted(line.split(":")[1].strip() for line in result.err.splitlines()) == sorted(wrong)


def test_a_port_that_is_taken_is_told_before_anything_is_made(tmp_path: Path) -> None:
    """Not even the database."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])

        line = check_one_line(run("serve", "--port", port, folder=tmp_path), 1)

    assert "taken" in line
    assert "--port" in line
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_does_not_exist_is_told(tmp_path: Path) -> None:
    """With the command that makes it."""
    url = f"sqlite:///{tmp_path}/missing/x.db"

    line = check_one_line(run("serve", "--database", url, folder=tmp_path), 1)

    assert f"mkdir -p {tmp_path}/missing" in line


def test_a_host_that_does_not_exist_is_told(tmp_path: Path) -> None:
    """By name."""
    line = check_one_line(
        run("serve", "--host", "no-such-host.invalid", "--insecure", folder=tmp_path), 1
    )

    assert "no-such-host.invalid" in line


def test_no_command_shows_the_help(tmp_path: Path) -> None:
    """Every command of it."""
    shown = run(folder=tmp_path)

    assert all(name in shown.out for name in ("serve", "db", "doctor", "version"))
    assert shown.err == ""


@pytest.mark.parametrize("arguments", [["--help"], ["serve", "-h"], ["db", "verify", "--help"]])
def test_help_is_on_standard_output(arguments: list[str], tmp_path: Path) -> None:
    """And it is a success."""
    shown = run(*arguments, folder=tmp_path)

    assert shown.status == 0
    assert "Usage: commonhold" in shown.out


@pytest.mark.parametrize("missing", ["typer", "rich", "uvicorn"])
def test_without_the_server_extra_it_says_which_to_install(missing: str) -> None:
    """The base install is the client; its command is there all the same."""
    program = f"import sys; sys.modules[{missing!r}] = None; import commonhold.cli as c; c.main()"

    ended = start([sys.executable, "-c", program], capture_output=True, text=True, check=False)

    assert ended.returncode == 1
    assert "pip install 'commonhold[server]'" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_the_package_runs_as_a_module(tmp_path: Path) -> None:
    """`python -m commonhold` is the command."""
    command = [sys.executable, "-m", "commonhold", "version", "--json"]

    ended = start(command, cwd=tmp_path, capture_output=True, text=True, check=True)

    assert '"commonhold"' in ended.stdout
