"""The `commonhold` command. This module imports nothing of the server, so that it can say so."""

from __future__ import annotations

import importlib
import sys

_OURS = "commonhold"


def main() -> None:
    """Run the command line and exit."""
    try:
        app = importlib.import_module("commonhold.cli.app")
    except ModuleNotFoundError as error:
        if (error.name or _OURS).partition(".")[0] == _OURS:
            raise
        sys.exit(
            f"commonhold: {error.name} is not installed. The command line comes with the server:"
            " pip install 'commonhold[server]'"
        )
    sys.exit(app.run(sys.argv[1:]))
