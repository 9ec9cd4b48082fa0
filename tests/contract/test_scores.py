"""The contract of scores, on every backend."""

from __future__ import annotations

from commonhold.testing.suite.scores import *
