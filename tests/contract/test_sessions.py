"""The contract of sessions, on every backend."""

from __future__ import annotations

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
