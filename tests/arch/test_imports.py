"""The dependency rule between the layers (docs/architecture.md)."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from tests.arch.source import ROOT

LINTER = Path(sys.executable).with_name("lint-imports")


def test_every_import_follows_the_dependency_rule() -> None:
    """The contracts in pyproject.toml hold; what is printed names the import that breaks one."""
    # In a process of its own, because it silences every logger of the one it runs in.
    found = subprocess.run(
        [LINTER, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert found.returncode == 0, found.stdout + found.stderr
    assert re.search(r"[1-9]\d* kept, 0 broken", found.stdout)
