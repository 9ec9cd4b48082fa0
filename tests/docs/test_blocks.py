"""What the documentation shows, runs: Python and shell, against a real service."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sybil import Document, Example
from sybil.parsers.markdown import CodeBlockParser

from tests import processes
from tests.docs.reference import ROOT
from tests.processes import Process

SHOWN = "http://127.0.0.1:8080"
"""Where a reader's service is. Ours has a port of its own."""

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    """A service for all pages, which may send webhooks to this machine."""
    folder = tmp_path_factory.mktemp("service")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COMMONHOLD_WEBHOOK_ALLOW", "127.0.0.1")
        with processes.service("sqlite:///:memory:", folder) as process:
            yield process


def run_python(example: Example) -> None:
    """In the namespace of its page, so that one block can build on another."""
    code = textwrap.dedent(example.parsed).replace(SHOWN, example.namespace["url"])
    line = example.line + example.parsed.line_offset
    exec(compile("\n" * line + code, example.path, "exec"), example.namespace)


def run_bash(example: Example) -> None:
    """Every command must succeed, with a 2xx where it is an HTTP request."""
    code = textwrap.dedent(example.parsed).replace(SHOWN, example.namespace["url"])
    strict = 'set -euo pipefail\ncurl() { command curl --fail-with-body "$@"; }\n'
    environ = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    subprocess.run(["bash", "-c", strict + code], check=True, timeout=60, env=environ)


def parsed(page: Path) -> Document:
    """A page with its blocks."""
    parsers: list[Any] = [
        CodeBlockParser("python", run_python),
        CodeBlockParser("bash", run_bash),
    ]
    return Document.parse(str(page), *parsers)


WITH_BLOCKS = [page for page in PAGES if list(parsed(page).examples())]


@pytest.mark.parametrize("page", WITH_BLOCKS, ids=lambda page: page.name)
def test_the_blocks_of_a_page_run(
    page: Path, service: Process, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the order a reader meets them, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    document = parsed(page)
    document.namespace.update(url=service.url, __name__="__main__")

    for example in document.examples():
        example.evaluate()


def test_there_are_pages_with_blocks() -> None:
    """An empty set of blocks would pass unseen."""
    assert "README.md" in {page.name for page in WITH_BLOCKS}
