"""The dependency rule between the layers (docs/architecture.md)."""

from __future__ import annotations

import pytest
from importlinter.cli import lint_imports

from tests.arch.source import ROOT


def test_every_import_follows_the_dependency_rule(capsys: pytest.CaptureFixture[str]) -> None:
    """The contracts in pyproject.toml hold; what is printed names the import that breaks one."""
    failed = lint_imports(config_filename=str(ROOT / "pyproject.toml"), no_cache=True)

    assert not failed, capsys.readouterr().out
