"""The conformance suite: `from commonhold.testing.suite import *` takes every test.

One module per noun can be taken alone, to get one report per noun:
`from commonhold.testing.suite.traces import *`.
"""

from __future__ import annotations

from commonhold.testing.suite.concurrency import *
from commonhold.testing.suite.feedback import *
from commonhold.testing.suite.feedback_stats import *
from commonhold.testing.suite.isolation import *
from commonhold.testing.suite.scores import *
from commonhold.testing.suite.sessions_append import *
from commonhold.testing.suite.sessions_branches import *
from commonhold.testing.suite.sessions_content import *
from commonhold.testing.suite.sessions_following import *
from commonhold.testing.suite.sessions_handoff import *
from commonhold.testing.suite.sessions_life import *
from commonhold.testing.suite.sessions_list import *
from commonhold.testing.suite.sessions_merge import *
from commonhold.testing.suite.sessions_once import *
from commonhold.testing.suite.sessions_others import *
from commonhold.testing.suite.sessions_put import *
from commonhold.testing.suite.sessions_reading import *
from commonhold.testing.suite.sessions_repair import *
from commonhold.testing.suite.sessions_repeated import *
from commonhold.testing.suite.sessions_search import *
from commonhold.testing.suite.sessions_timeline import *
from commonhold.testing.suite.sessions_turns import *
from commonhold.testing.suite.sessions_waiting import *
from commonhold.testing.suite.sessions_who import *
from commonhold.testing.suite.sessions_words import *
from commonhold.testing.suite.stores import *
from commonhold.testing.suite.traces import *
from commonhold.testing.suite.traces_agents import *
from commonhold.testing.suite.traces_judgements import *
from commonhold.testing.suite.traces_lists import *
from commonhold.testing.suite.traces_logs import *
from commonhold.testing.suite.traces_otel import *
from commonhold.testing.suite.traces_permuted import *
from commonhold.testing.suite.traces_search import *
from commonhold.testing.suite.traces_summary import *
