"""The contract of traces, on every backend."""

from __future__ import annotations

from commonhold.testing.suite.traces import *
from commonhold.testing.suite.traces_summary import *
