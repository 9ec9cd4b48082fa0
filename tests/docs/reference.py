"""The generated parts of the reference: `python -m tests.docs.reference` writes them again."""

from __future__ import annotations

import re
from pathlib import Path

from commonhold.settings import ClientSettings, Setting, Settings, documented

ROOT = Path(__file__).parents[2]
SETTINGS = ROOT / "docs" / "reference" / "settings.md"

_PART = re.compile(r"(<!-- generated: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def regenerated(text: str) -> str:
    """The document with its generated parts as the code has them now."""
    kinds = {"service": Settings, "client": ClientSettings}
    return _PART.sub(lambda part: part[1] + table(documented(kinds[part[2]])) + part[3], text)


def table(settings: tuple[Setting, ...]) -> str:
    """Settings as a Markdown table."""
    rows = [f"| `{s.env}` | {_code(s.default)} | {s.doc} | {s.allowed} |" for s in settings]
    head = ["| variable | default | what it decides | allowed |", "|---|---|---|---|"]
    return "\n".join([*head, *rows, ""])


def _code(text: str) -> str:
    return f"`{text}`" if text else "none"


if __name__ == "__main__":
    SETTINGS.write_text(regenerated(SETTINGS.read_text()))
