"""What is committed speaks of this project alone, and works on any machine."""

from __future__ import annotations

import re
import subprocess

import pytest

from tests.arch.source import ROOT

MACHINES = re.compile(
    r"""
      \b (?: pypi\.org | pythonhosted\.org | npmjs\.(?:org|com) | crates\.io | proxy\.golang\.org )
    | \b (?: deb|security|archive|ports )\.(?: debian\.org | ubuntu\.com )
    | --(?: extra-)?index[-]url | --find[-]links
    | (?<![\w.~/-]) / (?: work | root | home/\w+ | Users/\w+ | opt/(?: pypi | wheels ) ) /
    """,
    re.VERBOSE | re.IGNORECASE,
)
"""Package registries, and folders that only one machine has."""


def committed() -> list[str]:
    """Every file that is in the repository or about to be."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return [name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="not a checkout")
def test_no_file_names_a_registry_or_a_machine() -> None:
    """A user's own index and folders must do."""
    found = [
        f"{name}:{number}: {line.strip()[:120]}"
        for name in committed()
        for number, line in enumerate((ROOT / name).read_text(errors="ignore").splitlines(), 1)
        if MACHINES.search(line)
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    "line",
    [
        "see https://" + "pypi" + ".org/simple",
        "URIs: http://" + "deb" + ".debian.org/debian",
        "cd /" + "root/checkout",
        'path = "/' + 'home/ada/code"',
        "pip install --extra" + "-index-url x",
    ],
)
def test_a_machine_would_be_noticed(line: str) -> None:
    """The pattern finds what it is for."""
    assert MACHINES.search(line)


@pytest.mark.parametrize("line", ["GET /v1/work/items", "root/a", "./work/x", "PyPI", "org.pypi"])
def test_what_only_looks_like_a_machine_passes(line: str) -> None:
    """Routes and relative paths are not machines."""
    assert not MACHINES.search(line)
