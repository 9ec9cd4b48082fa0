"""`python -m commonhold`."""

from __future__ import annotations

from commonhold.cli import main

if __name__ == "__main__":
    main()
