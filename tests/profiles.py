"""How hard Hypothesis looks: the same examples every time, or new ones and many.

`COMMONHOLD_TEST_PROFILE=thorough make test`, or `pytest --hypothesis-profile=thorough`.
"""

from __future__ import annotations

import os

from hypothesis import settings

settings.register_profile("fixed", derandomize=True, deadline=None, database=None)
settings.register_profile("thorough", max_examples=2000, deadline=None)


def load() -> None:
    """Take the profile the environment names: `fixed` unless it names another."""
    settings.load_profile(os.environ.get("COMMONHOLD_TEST_PROFILE", "fixed"))
