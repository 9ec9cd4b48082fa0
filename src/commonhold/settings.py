"""Settings: read from the environment once, here and nowhere else, into frozen values."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self


@dataclass(frozen=True, slots=True)
class ClientSettings:
    """Where `commonhold.connect` goes when it is not told.

    `url` serves every surface that has no URL of its own; `agent` names the author of what is
    written to a service; `token` is the credential sent to it. An empty variable counts as unset.
    """

    # URLs and the token may carry secrets: a settings object printed by accident shows none.
    url: str | None = field(default=None, repr=False)
    sessions_url: str | None = field(default=None, repr=False)
    traces_url: str | None = field(default=None, repr=False)
    feedback_url: str | None = field(default=None, repr=False)
    agent: str | None = None
    token: str | None = field(default=None, repr=False)

    @classmethod
    def from_env(cls, environ: Mapping[str, str] = os.environ) -> Self:
        """Read `COMMONHOLD_URL`, its per-surface forms, `COMMONHOLD_AGENT` and `_TOKEN`."""
        return cls(
            url=environ.get("COMMONHOLD_URL") or None,
            sessions_url=environ.get("COMMONHOLD_SESSIONS_URL") or None,
            traces_url=environ.get("COMMONHOLD_TRACES_URL") or None,
            feedback_url=environ.get("COMMONHOLD_FEEDBACK_URL") or None,
            agent=environ.get("COMMONHOLD_AGENT") or None,
            token=environ.get("COMMONHOLD_TOKEN") or None,
        )
