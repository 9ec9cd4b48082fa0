"""The contract of traces, on every backend."""

from __future__ import annotations

from commonhold.testing.suite.traces import *
from commonhold.testing.suite.traces_agents import *
from commonhold.testing.suite.traces_judgements import *
from commonhold.testing.suite.traces_lists import *
from commonhold.testing.suite.traces_logs import *
from commonhold.testing.suite.traces_otel import *
from commonhold.testing.suite.traces_permuted import *
from commonhold.testing.suite.traces_search import *
from commonhold.testing.suite.traces_summary import *
