"""Settings of the client."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from commonhold.settings.fields import read, setting
from commonhold.settings.rules import NAME, SECRET, TEXT


@dataclass(frozen=True, slots=True)
class ClientSettings:
    """Where `commonhold.connect` goes when it is not told.

    `url` serves every surface that has no URL of its own; `agent` names the author of what is
    written to a service; `token` is the credential sent to it. An empty variable counts as unset.
    """

    # URLs and the token may carry secrets: a settings object printed by accident shows none.
    url: str | None = setting(None, "URL", "Where the client keeps everything.", TEXT, secret=True)
    sessions_url: str | None = setting(
        None, "SESSIONS_URL", "Where it keeps sessions, when elsewhere.", TEXT, secret=True
    )
    traces_url: str | None = setting(
        None, "TRACES_URL", "Where it keeps traces, when elsewhere.", TEXT, secret=True
    )
    feedback_url: str | None = setting(
        None, "FEEDBACK_URL", "Where it keeps feedback, when elsewhere.", TEXT, secret=True
    )
    agent: str | None = setting(
        None, "AGENT", "The agent named as the author of what is written to a service.", NAME
    )
    token: str | None = setting(
        None, "TOKEN", "The credential the client sends to a service.", SECRET, secret=True
    )

    @classmethod
    def from_env(cls, environ: Mapping[str, str] = os.environ) -> Self:
        """Read `COMMONHOLD_URL`, its per-surface forms, `COMMONHOLD_AGENT` and `_TOKEN`."""
        values, _ = read(cls, {}, environ)
        return cls(**values)  # type: ignore[arg-type]
