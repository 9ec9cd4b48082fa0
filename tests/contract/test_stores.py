"""The contract of a backend as a whole, many writers at once and many tenants, on every backend."""

from __future__ import annotations

from commonhold.testing.suite.concurrency import *
from commonhold.testing.suite.isolation import *
from commonhold.testing.suite.stores import *
