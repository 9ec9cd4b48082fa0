"""The few places that may touch the world."""

from __future__ import annotations

import ast

import pytest

from tests.arch.source import modules, names_used

ENVIRONMENT = ("os.environ", "os.environb", "os.getenv", "os.getenvb", "os.putenv", "os.unsetenv")
CLOCK = (
    "time.time",
    "time.time_ns",
    "time.gmtime",
    "time.localtime",
    "time.ctime",
    "time.clock_gettime",
    "time.clock_gettime_ns",
    "datetime.datetime.now",
    "datetime.datetime.utcnow",
    "datetime.datetime.today",
    "datetime.date.today",
)
SEAMS = {"src/commonhold/settings/": ENVIRONMENT, "src/commonhold/model/clock.py": CLOCK}


def touched(tree: ast.Module, forbidden: tuple[str, ...]) -> list[str]:
    """Where a module uses one of the forbidden names, or something below it."""
    return [
        f"line {line}: {used}"
        for used, line in names_used(tree)
        if any(used == name or used.startswith(f"{name}.") for name in forbidden)
    ]


def test_only_its_seam_touches_the_world() -> None:
    """The environment is read in settings, the wall clock in model/clock.py."""
    found = {
        module.name: uses
        for module in modules()
        for seam, names in SEAMS.items()
        if not module.name.startswith(seam) and (uses := touched(module.tree, names))
    }
    assert not found


def test_the_seams_are_where_we_say() -> None:
    """A seam that moved takes its rule along."""
    for seam, names in SEAMS.items():
        assert any(touched(each.tree, names) for each in modules() if each.name.startswith(seam))


@pytest.mark.parametrize(
    "source",
    [
        "import os\nos.environ.get('X')",
        "import os as o\no.getenv('X')",
        "from os import environ as e\ne['X']",
        "from os import getenv",
        "import os.path\nos.environ",
        "from datetime import datetime\ndatetime.now()",
        "import datetime as d\nd.datetime.now(d.UTC)",
        "from time import time_ns",
        "def f():\n    import time\n    return time.time()",
    ],
)
def test_no_spelling_hides_a_use(source: str) -> None:
    """Aliases, `from` imports and imports inside functions are seen."""
    assert touched(ast.parse(source), ENVIRONMENT + CLOCK)


@pytest.mark.parametrize(
    "source",
    [
        "import time\ntime.perf_counter()\ntime.monotonic()",
        "import os\nos.path.join('a', 'b')",
        "from datetime import datetime\ndatetime.fromisoformat('x')",
        "environ = {}\nenviron['X']",
    ],
)
def test_what_is_harmless_passes(source: str) -> None:
    """Durations, paths and parsing are nobody's privilege."""
    assert not touched(ast.parse(source), ENVIRONMENT + CLOCK)
