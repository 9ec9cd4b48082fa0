"""The rules that scanners are given find keys, and nothing that only looks like one."""

from __future__ import annotations

import re
import tomllib

import pytest

from commonhold.auth.key_form import KINDS, PATTERN, mint
from tests.docs.reference import ROOT

RULES = ROOT / "deploy" / "secret-scanning"


def rules() -> dict[str, str]:
    """The expression of each scanner."""
    [gitleaks] = tomllib.loads((RULES / "gitleaks.toml").read_text())["rules"]
    found = re.search(r"^ +key: '(.+)'$", (RULES / "trufflehog.yaml").read_text(), re.MULTILINE)
    assert found is not None
    return {"gitleaks": gitleaks["regex"], "trufflehog": found[1]}


@pytest.mark.parametrize("scanner", ["gitleaks", "trufflehog"])
def test_a_scanner_finds_keys_of_every_kind_and_nothing_cut_off(scanner: str) -> None:
    """In the middle of a line; in a longer word, or with a letter missing, it is no key."""
    rule = re.compile(rules()[scanner])
    assert PATTERN.pattern in rule.pattern
    for preset in KINDS:
        key = mint(preset).text
        found = rule.search(f'COMMONHOLD_TOKEN="{key}"; then')
        assert found is not None
        assert found[1] == key
        head, kind, *rest = key.split("_")
        mistyped = (key[:-1], f"{key}x", "_".join([head, f"{kind}s", *rest]), key.replace("_", "-"))
        assert not any(rule.search(text) for text in mistyped)
