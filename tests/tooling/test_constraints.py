"""The pinned packages that `make setup` installs."""

from __future__ import annotations

import tomllib

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.arch.source import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
LINES = (ROOT / "constraints.txt").read_text().splitlines()
PINS = [Requirement(line) for line in LINES if not line.startswith("#")]


def test_every_line_pins_one_version_and_says_nothing_else() -> None:
    """No address, no path, no option: a user's own index must do."""
    wrong = [pin for pin in PINS if pin.url or [part.operator for part in pin.specifier] != ["=="]]
    assert PINS
    assert not wrong


def test_what_we_ask_for_is_pinned_within_its_range() -> None:
    """A range that was raised in pyproject.toml without `make constraints` fails here."""
    pinned = {canonicalize_name(pin.name): next(iter(pin.specifier)).version for pin in PINS}
    groups = [PROJECT["dependencies"], *PROJECT["optional-dependencies"].values()]
    asked = [Requirement(line) for group in groups for line in group]
    others = [need for need in asked if need.name != PROJECT["name"]]

    wrong = [
        str(need)
        for need in others
        if not need.specifier.contains(pinned.get(canonicalize_name(need.name), "0"))
    ]
    assert others
    assert not wrong
