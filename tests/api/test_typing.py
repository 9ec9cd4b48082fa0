"""The types of the public face, as a user's checker sees them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent


def test_the_samples_type_check(tmp_path: Path) -> None:
    """Strictly, and a `type: ignore` that is not needed is an error too."""
    command = [sys.executable, "-m", "mypy", "--strict", "--warn-unused-ignores"]
    done = subprocess.run(
        [*command, "--config-file=", f"--cache-dir={tmp_path}", str(HERE / "typing_samples.py")],
        check=False,
        capture_output=True,
        text=True,
        timeout=110,
    )
    assert done.returncode == 0, done.stdout + done.stderr
