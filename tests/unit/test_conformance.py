"""The shipped suite: every promise has a proof, and a third store author can run it."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

from commonhold.contract import feedback, sessions, stores, traces
from commonhold.testing import suite
from commonhold.testing.conformance import requirement_of

TESTS = {name: value for name, value in vars(suite).items() if name.startswith("test_")}
NUMBERED = re.compile(r"^ {4}([STFB]\d+)\. ", re.MULTILINE)
PROMISES = {
    number
    for protocol in (sessions.Sessions, traces.Traces, feedback.Feedback, stores.Backend)
    for number in NUMBERED.findall(protocol.__doc__ or "")
}

# Not a conformance test: what lists read is seen in the plans of statements (tests/plans).
PROVED_ELSEWHERE = {"T6"}

CONFTEST = """
import pytest
from commonhold import sql
from commonhold.testing.conformance import *

@pytest.fixture
async def backend():
    backend = await sql.open_backend("sqlite:///:memory:")
    yield backend
    await backend.aclose()

@pytest.fixture
def capabilities():
    return Capabilities(excused={EXCUSED})
"""
A_SUITE = "from commonhold.testing.suite import *\n"


def test_every_promise_of_the_contract_has_a_proof() -> None:
    """A reader can go from a number in the contract to the tests that try to break it."""
    assert len(PROMISES) > 20
    proved = {requirement_of(test) for test in TESTS.values()}
    assert proved | PROVED_ELSEWHERE == PROMISES


@pytest.mark.parametrize("name", TESTS)
def test_every_test_of_the_suite_says_what_it_proves(name: str) -> None:
    """A number, one sentence, and no fixture that a store author would have to guess."""
    test = TESTS[name]
    assert requirement_of(test) in PROMISES
    assert (test.__doc__ or "").rstrip().endswith(".")
    fixtures = set(inspect.signature(test).parameters)
    marks = getattr(test, "pytestmark", [])
    drawn = {part.strip() for mark in marks for part in arguments(mark.args[0])}
    assert fixtures - drawn <= {"backend", "clock", "acting_as"}


def arguments(names: str | tuple[str, ...]) -> list[str]:
    """The parameters a mark fills."""
    return names.split(",") if isinstance(names, str) else list(names)


def run(folder: Path, excused: str, *options: str) -> str:
    """What pytest says of the suite in a project of its own."""
    (folder / "conftest.py").write_text(CONFTEST.replace("{EXCUSED}", excused))
    (folder / "test_my_store.py").write_text(A_SUITE)
    (folder / "pytest.ini").write_text("[pytest]\nasyncio_mode = auto\n")
    command = [sys.executable, "-m", "pytest", "-rA", "-p", "no:cacheprovider", *options]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return done.stdout


def test_a_store_of_somebody_else_is_proved_with_two_fixtures(tmp_path: Path) -> None:
    """The arrangement of the package's docstring collects every test of the suite."""
    collected = run(tmp_path, "{}", "--collect-only", "-q")
    for name in TESTS:
        assert f"::{name}" in collected
    told = run(tmp_path, "{}", "-k", "test_compaction")
    assert "3 passed" in told
    assert "failed" not in told


def test_an_excused_test_is_expected_to_fail(tmp_path: Path) -> None:
    """With its reason; and when it passes, the excuse has outlived its reason."""
    excused = '{"S8": "one tenant only", "test_closing_twice_is_harmless": "was once true"}'
    told = run(tmp_path, excused, "-k", "closing_twice or two_tenants or is_there_and_empty")
    assert "[XPASS(strict)] was once true" in told
    assert "[XPASS(strict)] one tenant only" in told
    assert "2 failed, 1 passed" in told
