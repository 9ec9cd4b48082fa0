"""Every setting is documented, and what is documented exists."""

from __future__ import annotations

import re

import pytest

from commonhold.http import HttpOptions
from commonhold.settings import ClientSettings, Settings, documented
from commonhold.sql import SqlOptions
from tests.docs.reference import SECURITY, SETTINGS, regenerated

KNOWN = {
    setting.env: setting for kind in (Settings, ClientSettings) for setting in documented(kind)
}


@pytest.mark.parametrize("env", sorted(KNOWN))
def test_a_setting_is_documented(env: str) -> None:
    """With its default, what it decides and what is allowed."""
    setting = KNOWN[env]
    rows = [line for line in SETTINGS.read_text().splitlines() if line.startswith(f"| `{env}` ")]

    assert len(rows) == 1
    assert setting.doc in rows[0]
    assert setting.default in rows[0]
    assert setting.allowed in rows[0]


def test_the_document_is_as_the_code_would_write_it() -> None:
    """Otherwise run `python -m tests.docs.reference`."""
    for page in (SETTINGS, SECURITY):
        text = page.read_text()
        assert regenerated(text) == text


def test_the_document_names_no_other_setting() -> None:
    """A setting that is gone goes from the page too."""
    named = set(re.findall(r"COMMONHOLD_[A-Z_]*[A-Z]", SETTINGS.read_text()))

    assert named == set(KNOWN)


@pytest.mark.parametrize("env", sorted(KNOWN))
def test_a_setting_is_explained_in_one_sentence(env: str) -> None:
    """It is read in a table, in `--help` and in an error."""
    doc = KNOWN[env].doc

    assert doc[0].isupper()
    assert doc.endswith(".")
    assert doc.count(". ") == 0


@pytest.mark.parametrize("options", [HttpOptions(), SqlOptions()])
def test_a_default_is_the_same_wherever_it_is_written(options: HttpOptions | SqlOptions) -> None:
    """The limits of a library used without the command line are those of the service."""
    settings = Settings()
    shared = [name for name in options.__slots__ if name in Settings.__slots__]

    assert shared
    assert all(getattr(settings, name) == getattr(options, name) for name in shared)
