"""The contract of feedback, on every backend."""

from __future__ import annotations

from commonhold.testing.suite.feedback import *
from commonhold.testing.suite.feedback_stats import *
