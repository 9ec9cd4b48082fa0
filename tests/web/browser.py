"""A browser without a screen."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
_QUIET = "--headless --no-sandbox --disable-gpu --no-first-run --disable-background-networking"


def browser() -> str:
    """A browser that can run without a screen; without one the test is skipped, but never in CI."""
    found = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if found is None and os.environ.get("CI") == "true":
        pytest.fail("CI must look at the page: no browser is installed")
    return found or pytest.skip(f"no browser: none of {', '.join(BROWSERS)} is installed")


def looked_at(url: str, folder: Path) -> tuple[str, str]:
    """The page as its scripts have made it, and what was written to the console."""
    done = subprocess.run(
        [
            *(browser(), *_QUIET.split(), f"--user-data-dir={folder}"),
            *("--enable-logging=stderr", "--virtual-time-budget=2000", "--dump-dom", url),
        ],
        capture_output=True,
        text=True,
        timeout=100,
        check=True,
    )
    return done.stdout, done.stderr
