"""Limits and switches of the HTTP face."""

from __future__ import annotations

from dataclasses import dataclass

from commonhold.model.scope import Sharing
from commonhold.model.vote import MAX_VOTE_TTL_S

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class HttpOptions:
    """What the settings decide about the HTTP face.

    `max_body_bytes` also holds after decompression. Past `max_inflight_bytes` (bodies held in
    memory) or `max_inflight_requests` the answer is 503, and so it is for one more than
    `max_followers` that follow a log or wait for a turn; all count per process.
    `loopback_only` refuses what did not come from this machine, through a name of this machine:
    it belongs to the mode that asks nobody who they are.
    Where a service `asks_nobody` who they are, its description and the reason why it is not ready
    are for everybody; elsewhere they are for nobody.
    `multiprocess_dir` is where several workers share their counters.
    `vote_token_ttl_s` bounds how long a vote token is good for, in seconds.
    Pages of `cors_origins` may send votes from a browser.
    `sessions_sharing` is which agents of a tenant a session is for.
    `admin_per_minute` and `failed_per_minute` are what one caller may do, where callers are asked
    who they are; 0 is no limit.
    """

    max_body_bytes: int = 64 * MIB
    max_inflight_bytes: int = 512 * MIB
    max_inflight_requests: int = 2048
    max_followers: int = 4096
    ready_timeout_s: float = 5.0
    loopback_only: bool = True
    asks_nobody: bool = True
    multiprocess_dir: str | None = None
    vote_token_ttl_s: int = MAX_VOTE_TTL_S
    cors_origins: tuple[str, ...] = ()
    sessions_sharing: Sharing = "fleet"
    admin_per_minute: int = 0
    failed_per_minute: int = 0
