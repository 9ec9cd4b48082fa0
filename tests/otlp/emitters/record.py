"""Runs the real instrumentations against the stub model, and keeps what their exporters send.

`python -m tests.otlp.emitters.record SCRATCH [recording ...]`: the README says more.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from tests.otlp.emitters.loopback import Loopback, serving

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
GOLDEN = HERE.parent / "golden"
SCENARIOS = "tests.otlp.emitters.scenarios"

RESOURCE = {
    "OTEL_SERVICE_NAME": "weather-service",
    "OTEL_RESOURCE_ATTRIBUTES": (
        "service.version=1.4.0,service.instance.id=weather-0,deployment.environment.name=golden"
    ),
    "OTEL_EXPERIMENTAL_RESOURCE_DETECTORS": "otel",
}
"""What processes say of themselves: nothing about the machine they were recorded on."""


@dataclass(frozen=True, slots=True)
class Recording:
    """A scenario, the environment it runs in, and what is set there."""

    scenario: str
    environment: str
    settings: dict[str, str] = field(default_factory=dict)
    arguments: tuple[str, ...] = ()


_CAPTURE = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
_LATEST = {
    "OTEL_SEMCONV_STABILITY_OPT_IN": "gen_ai_latest_experimental",
    "OTEL_INSTRUMENTATION_GENAI_EMIT_EVENT": "true",
    _CAPTURE: "span_and_event",
}

RECORDINGS = {
    "openai-v2": Recording("openai_v2", "openai_v2"),
    "openai-v2-content": Recording("openai_v2", "openai_v2", {_CAPTURE: "true"}),
    "openai-v2-latest": Recording("openai_v2", "openai_v2", _LATEST),
    "genai-openai": Recording("genai_openai", "genai_openai", _LATEST),
    "openinference-openai": Recording("openinference_openai", "openinference"),
    "openinference-langchain": Recording("openinference_langchain", "openinference"),
    "openllmetry-openai": Recording("openllmetry_openai", "openllmetry"),
    "openllmetry-langchain": Recording("openllmetry_langchain", "openllmetry"),
    "openllmetry-flat": Recording("openllmetry_openai", "openllmetry_flat"),
    "traceloop-sdk": Recording(
        "traceloop_sdk", "openllmetry", {"TRACELOOP_METRICS_ENABLED": "false"}
    ),
    "pydantic-ai": Recording("pydantic_ai", "pydantic_ai", arguments=("5",)),
    "pydantic-ai-format2": Recording("pydantic_ai", "pydantic_ai", arguments=("2",)),
    "openai-agents": Recording("openai_agents", "openai_agents", arguments=("responses",)),
    "openai-agents-chat": Recording("openai_agents", "openai_agents", arguments=("chat",)),
    "openinference-openai-agents": Recording(
        "openai_agents", "openai_agents", arguments=("openinference",)
    ),
    "google-adk": Recording("google_adk", "google_adk"),
    "google-adk-content": Recording("google_adk", "google_adk", {_CAPTURE: "true"}),
    "google-adk-latest": Recording("google_adk", "google_adk", _LATEST),
    "google-adk-legacy": Recording(
        "google_adk", "google_adk", {"ADK_TELEMETRY_SCHEMA_VERSION_OPT_IN": "1"}
    ),
    "strands": Recording("strands_agent", "strands"),
    "strands-latest": Recording("strands_agent", "strands", _LATEST),
}
"""By the name of their folder below `golden`."""


def main() -> None:
    """Make what is recorded again, all of it or what was named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scratch", type=Path, help="a folder outside the repository")
    parser.add_argument("recordings", nargs="*", metavar="recording", default=[*RECORDINGS])
    arguments = parser.parse_args()
    with serving() as loopback:
        for name in arguments.recordings:
            record(name, arguments.scratch.resolve(), loopback)


def record(name: str, scratch: Path, loopback: Loopback) -> None:
    """Replace the files of one recording."""
    recording = RECORDINGS[name]
    python = interpreter(recording.environment, scratch)
    command = [str(python), "-m", f"{SCENARIOS}.{recording.scenario}", *recording.arguments]
    settings = isolated(loopback.url) | recording.settings
    loopback.taken()
    subprocess.run(command, cwd=ROOT, env=settings, check=True)
    sent = loopback.taken()
    if not sent:
        raise SystemExit(f"{name}: nothing was exported")
    folder = GOLDEN / name
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    for file, body in sent.items():
        (folder / file).write_bytes(body)
        print(f"{name}/{file}: {len(body)} bytes")  # noqa: T201  (a command line prints)


def interpreter(environment: str, scratch: Path) -> Path:
    """The Python of an environment, which is made when it is new or its requirements changed."""
    requirements = HERE / "requirements" / f"{environment}.txt"
    folder = scratch / environment
    installed = folder / "requirements.txt"
    python = folder / "bin" / "python"
    if not installed.exists() or installed.read_text() != requirements.read_text():
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
        # The lists are complete, and some emitters ask for more than they use.
        install = ["-m", "pip", "install", "--quiet", "--no-deps", "-r", str(requirements)]
        subprocess.run([str(python), *install], check=True)
        installed.write_text(requirements.read_text())
    return python


def isolated(url: str) -> dict[str, str]:
    """The environment variables of a scenario: none of the caller's but its search path."""
    return RESOURCE | {
        "PATH": os.environ["PATH"],
        "PYTHONDONTWRITEBYTECODE": "1",
        "OTEL_EXPORTER_OTLP_ENDPOINT": url,
        "OPENAI_BASE_URL": f"{url}/v1",
        "OPENAI_API_KEY": "none",
        "GOOGLE_GEMINI_BASE_URL": url,
        "GOOGLE_API_KEY": "none",
        "LOOPBACK": url,
    }


if __name__ == "__main__":
    main()
