"""What `import commonhold` gives, and what it costs."""

from __future__ import annotations
import __future__

import subprocess
import sys
from types import ModuleType

import pytest

import commonhold
from commonhold import errors

SERVER = (
    *("fastapi", "starlette", "uvicorn", "uvloop", "httptools", "asyncpg", "prometheus_client"),
    *("pydantic", "jinja2", "typer", "rich", "genai_prices", "sqlite3"),
)
OURS = tuple(
    f"commonhold.{layer}" for layer in ("sql", "service", "wrap", "http", "web", "cli", "testing")
)


def test_the_face_is_exactly_what_it_says() -> None:
    """Nothing becomes public by accident, and nothing that is promised is missing."""
    public = {
        name
        for name, value in vars(commonhold).items()
        if not name.startswith("_") and not isinstance(value, ModuleType | __future__._Feature)
    }
    assert {*public, "__version__"} == set(commonhold.__all__)


def test_the_face_is_sorted_and_says_nothing_twice() -> None:
    """So that a diff of it shows what was added."""
    assert commonhold.__all__ == sorted(set(commonhold.__all__))


def test_every_error_is_at_hand() -> None:
    """Whatever a store raises can be caught by a name of the face."""
    assert {kind.__name__ for kind in errors.BY_CODE.values()} <= set(commonhold.__all__)


def test_everything_public_says_what_it_is() -> None:
    """With a docstring of its own."""
    for name in commonhold.__all__:
        value = getattr(commonhold, name)
        assert name == "__version__" or value.__doc__


@pytest.mark.parametrize(
    "code",
    [
        "import commonhold",
        "import commonhold; commonhold.connect('http://host')",
        "import commonhold, asyncio; asyncio.run(commonhold.connect('http://h').__aenter__())",
        "import commonhold, asyncio; asyncio.run(commonhold.connect('null:').__aenter__())",
        "import commonhold.client",
    ],
)
def test_a_client_loads_nothing_of_the_server(code: str) -> None:
    """In a fresh interpreter: no driver, no framework, no layer of the server."""
    loaded = _loaded_by(code)
    assert "commonhold" in loaded
    assert [name for name in (*SERVER, *OURS) if name in loaded] == []


def test_a_command_that_looks_loads_nothing_that_serves() -> None:
    """Web framework, gRPC, prices and the readers of OTLP and Parquet: half of what it would wait."""
    heavy = ("fastapi", "starlette", "grpc", "genai_prices", "google.protobuf", "pyarrow")
    loaded = _loaded_by("import commonhold.cli.app")
    assert [name for name in (*heavy, "commonhold.http", "commonhold.rpc") if name in loaded] == []


def test_importing_the_face_loads_no_http_library() -> None:
    """Who keeps everything in a file does not wait for it."""
    assert "httpx2" not in _loaded_by("import commonhold")
    assert "httpx2" in _loaded_by("import commonhold.client")


def _loaded_by(code: str) -> set[str]:
    """The modules that an interpreter holds after running `code`."""
    script = f"{code}\nimport sys; print('\\n'.join(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True, timeout=60
    )
    return set(done.stdout.split())
