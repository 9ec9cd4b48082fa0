"""The environment the tests run in."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

DEVELOPERS = ["COMMONHOLD_URL", "PGPASSWORD", "OTEL_SDK_DISABLED", "https_proxy", "NO_PROXY"]


@pytest.fixture(scope="module", autouse=True)
def developers_environment() -> Iterator[None]:
    """Set before any fixture of a single test runs."""
    with pytest.MonkeyPatch.context() as environment:
        for name in (*DEVELOPERS, "COMMONHOLD_TEST_ANYTHING"):
            environment.setenv(name, "set by the developer")
        yield


@pytest.mark.parametrize("name", DEVELOPERS)
def test_no_setting_of_the_developer_reaches_a_test(name: str) -> None:
    """A test means the same on every machine."""
    assert name not in os.environ


def test_settings_of_the_tests_themselves_stay() -> None:
    """They say where the test's own Postgres is."""
    assert "COMMONHOLD_TEST_ANYTHING" in os.environ
