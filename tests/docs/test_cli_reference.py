"""Every command and every option is documented."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import typer

from commonhold.cli.app import app
from tests.docs.reference import ROOT

PAGE = (ROOT / "docs" / "reference" / "cli.md").read_text()


def commands(node: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Every command below a group, with the words that call it; a group may be one itself."""
    below = getattr(node, "commands", None)
    if below is None or node.invoke_without_command:
        yield path, node
    for name, child in (below or {}).items():
        yield from commands(child, f"{path} {name}")


COMMANDS = dict(commands(typer.main.get_command(app), "commonhold"))


def section(path: str) -> str:
    """What the page says of one command."""
    _, heading, rest = PAGE.partition(f"## {path}\n")
    assert heading, f"docs/reference/cli.md says nothing of `{path}`"
    return rest.partition("\n## ")[0]


@pytest.mark.parametrize("path", COMMANDS)
def test_a_command_is_documented_with_its_options(path: str) -> None:
    """Each flag in the section of its command. An argument has none."""
    options = [item for item in COMMANDS[path].params if item.param_type_name == "option"]
    flags = [flag for option in options for flag in option.opts + option.secondary_opts]
    missing = [flag for flag in flags if flag not in ("-h", "--help") and flag not in section(path)]

    assert not missing


@pytest.mark.parametrize("path", COMMANDS)
def test_a_command_says_what_it_does(path: str) -> None:
    """And so does each of its options."""
    command = COMMANDS[path]

    assert command.help
    assert all(option.help for option in command.params)


def test_every_documented_command_exists() -> None:
    """A command that is gone goes from the page too."""
    documented = [line[3:] for line in PAGE.splitlines() if line.startswith("## ")]

    assert sorted(documented) == sorted(COMMANDS)
