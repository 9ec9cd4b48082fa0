"""The generated parts of the reference: `python -m tests.docs.reference` writes them again."""

from __future__ import annotations

import re
from pathlib import Path

from commonhold.auth.matrix import MATRIX, Row
from commonhold.auth.presets import ANONYMOUS, RIGHTS, USER
from commonhold.auth.principal import Scopes
from commonhold.model.key import Preset
from commonhold.settings import ClientSettings, Setting, Settings, documented

ROOT = Path(__file__).parents[2]
SETTINGS = ROOT / "docs" / "reference" / "settings.md"
SECURITY = ROOT / "docs" / "security.md"

_PART = re.compile(r"(<!-- generated: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def regenerated(text: str) -> str:
    """The document with its generated parts as the code has them now."""
    parts = {
        "service": lambda: table(documented(Settings)),
        "client": lambda: table(documented(ClientSettings)),
        "matrix": matrix,
    }
    return _PART.sub(lambda part: part[1] + parts[part[2]]() + part[3], text)


def matrix() -> str:
    """What each preset may do, and a user with a token, as a Markdown table."""
    columns: dict[str, tuple[str, Preset | Scopes]] = {
        "a user": ("user", USER),
        "not signed in": ("anonymous", ANONYMOUS),
        "`agent`": ("agent", "agent"),
        "for a user": ("agent asserted", "agent-obo"),
        "`ingest`": ("ingest", "ingest"),
        "`feedback-ingest`": ("feedback", "feedback-ingest"),
        "`viewer`": ("viewer", "viewer"),
        "`operator`": ("operator", "operator"),
        "`platform-admin`": ("platform", "platform-admin"),
    }
    lines = [f"| operation | {' | '.join(columns)} |", "|---" * (len(columns) + 1) + "|"]
    for name, row in MATRIX.items():
        cells = [
            _cell(row, column, RIGHTS[has].scopes if isinstance(has, str) else has)
            for column, has in columns.values()
        ]
        lines.append(f"| `{name}` | {' | '.join(cells)} |")
    return "\n".join([*lines, ""])


def _cell(row: Row, column: str, scopes: Scopes) -> str:
    cell = row.cells[column]
    if cell == "no" or (row.scope and row.scope not in scopes):
        return "·"
    return "all" if cell == "content" else cell


def table(settings: tuple[Setting, ...]) -> str:
    """Settings as a Markdown table."""
    rows = [f"| `{s.env}` | {_code(s.default)} | {s.doc} | {s.allowed} |" for s in settings]
    head = ["| variable | default | what it decides | allowed |", "|---|---|---|---|"]
    return "\n".join([*head, *rows, ""])


def _code(text: str) -> str:
    return f"`{text}`" if text else "none"


if __name__ == "__main__":
    for page in (SETTINGS, SECURITY):
        page.write_text(regenerated(page.read_text()))
