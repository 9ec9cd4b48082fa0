"""Settings: read from the environment once, here and nowhere else, into frozen values.

Each field carries its own name, rule and one-sentence description, so that the documentation, the
command line and the error messages cannot disagree with the code.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Self

from commonhold.errors import CommonholdError, FieldError
from commonhold.model.redaction import CAPTURES, DEFAULT_GROUPS, Group
from commonhold.model.vote import MAX_VOTE_TTL_S
from commonhold.settings.addresses import is_loopback, unsafe
from commonhold.settings.client import ClientSettings as ClientSettings
from commonhold.settings.fields import PREFIX as PREFIX
from commonhold.settings.fields import Setting as Setting
from commonhold.settings.fields import described, read
from commonhold.settings.fields import setting as _setting
from commonhold.settings.gateway import CIDRS, TENANT, USER_PREFIX, gateway_faults
from commonhold.settings.rules import (
    AUDIENCES,
    AUTH,
    COLLECTOR,
    DATABASE,
    FLAG,
    HOST,
    ISSUERS,
    LEVELS,
    MAINTENANCE,
    MIB,
    NETWORKS,
    ORIGINS,
    PATH,
    REDACT,
    SECONDS,
    SHARING,
    SIGNING,
    SIZE,
    choice,
    count,
)
from commonhold.settings.tenancy import tenancy_faults

METRICS_DIR = "PROMETHEUS_MULTIPROC_DIR"
"""Where several workers share their counters: the name `prometheus_client` reads."""


class InvalidSettings(CommonholdError):
    """The settings are not valid."""

    code = "invalid_settings"

    def __init__(self, errors: list[FieldError]) -> None:
        lines = [f"{'.'.join(map(str, error.loc))}: {error.msg}" for error in errors]
        super().__init__("\n".join(lines), errors=errors)


@dataclass(frozen=True, slots=True)
class Settings:
    """What `commonhold serve` and the `db` commands run with."""

    database: str = _setting(
        "sqlite:///commonhold.db",
        "DATABASE",
        "The database that keeps everything: a file, or a Postgres.",
        DATABASE,
        secret=True,
    )
    database_maintenance: str = _setting(
        "",
        "DATABASE_MAINTENANCE",
        "The same Postgres as a role that works across tenants; `COMMONHOLD_TENANCY=required` needs"
        " it.",
        MAINTENANCE,
        secret=True,
    )
    tenancy: str = _setting(
        "single",
        "TENANCY",
        "Whether there is one tenant, `default`, or every caller is `required` to be of one that was"
        " created.",
        choice("single", "required"),
    )
    host: str = _setting(
        "127.0.0.1",
        "HOST",
        "The address to listen on; anything but a loopback address needs an authentication mode.",
        HOST,
    )
    port: int = _setting(
        8080, "PORT", "The port to listen on; 0 takes a free one.", count(0, 65535)
    )
    otlp_grpc_port: int = _setting(
        0,
        "OTLP_GRPC_PORT",
        "The port for OTLP over gRPC, usually 4317; 0 is off; needs `commonhold[grpc]`.",
        count(0, 65535),
    )
    otlp_decoders: int = _setting(
        1,
        "OTLP_DECODERS",
        "Processes beside each worker that read large requests of spans; with 0 it reads them"
        " itself.",
        count(0, 64),
    )
    auth: str = _setting(
        "none", "AUTH", "How callers prove who they are; `none` asks nobody.", AUTH
    )
    pepper: tuple[str, ...] = _setting(
        (),
        "PEPPER",
        "What the digests of keys are made with; `keys` needs it, and it is kept outside of the"
        " database.",
        SIGNING,
        secret=True,
    )
    pepper_file: str = _setting(
        "",
        "PEPPER_FILE",
        "A file with what `COMMONHOLD_PEPPER` would hold, one on each line.",
        PATH,
    )
    audit_key: tuple[str, ...] = _setting(
        (), "AUDIT_KEY", "What seals the audit log; else the pepper does.", SIGNING, secret=True
    )
    sessions_sharing: Literal["fleet", "user", "owner"] = _setting(
        "fleet",
        "SESSIONS_SHARING",
        "Which agents of a tenant a session is for: all of the `fleet`, those that prove its `user`,"
        " or its `owner` and whom it is handed to.",
        SHARING,
    )
    redact: tuple[Group, ...] = _setting(
        DEFAULT_GROUPS,
        "REDACT",
        "What is redacted in everything that is written, where a tenant has no policy of its own.",
        REDACT,
    )
    capture: str = _setting(
        "masked",
        "CAPTURE",
        "How much is kept of what is said: `masked` redacts, `none` also drops the content of traces"
        " and log records, `full` keeps everything.",
        choice(*CAPTURES),
    )
    oidc_issuers: str = _setting(
        "",
        "OIDC_ISSUERS",
        "The issuers whose tokens are taken; `oidc` needs it.",
        ISSUERS,
    )
    oidc_compat_audiences: tuple[str, ...] = _setting(
        (),
        "OIDC_COMPAT_AUDIENCES",
        "Audiences of agents: a user's token for one of these is taken too, whoever issued it.",
        AUDIENCES,
    )
    require_agent_proof: bool = _setting(
        False,
        "REQUIRE_AGENT_PROOF",
        "Refuse a user's token that was made for an agent, unless the agent proves itself beside it.",
        FLAG,
    )
    gateway_cidrs: str = _setting(
        "",
        "GATEWAY_CIDRS",
        "Where the gateways are whose word on users is believed; `gateway` needs it.",
        CIDRS,
    )
    gateway_secret: tuple[str, ...] = _setting(
        (),
        "GATEWAY_SECRET",
        "What a gateway must show in `X-Gateway-Secret` as well; nothing when empty.",
        SIGNING,
        secret=True,
    )
    gateway_default_tenant: str = _setting(
        "",
        "GATEWAY_DEFAULT_TENANT",
        "The tenant of a request in which the gateway names none; without it, the one there is.",
        TENANT,
    )
    gateway_user_prefix: str = _setting(
        "",
        "GATEWAY_USER_PREFIX",
        "What stands before the names of its users, so that none is taken for one of an issuer.",
        USER_PREFIX,
    )
    gateway_same_subject: bool = _setting(
        True,
        "GATEWAY_SAME_SUBJECT",
        "Whether a token that comes through the gateway must be that of the user it names.",
        FLAG,
    )
    allow_anonymous: bool = _setting(
        False,
        "ALLOW_ANONYMOUS",
        "Whether who is not signed in at the gateway may start a session and vote.",
        FLAG,
    )
    workers: int = _setting(
        1, "WORKERS", "Processes that serve requests, each with its own pool.", count(1, 64)
    )
    insecure: bool = _setting(
        False,
        "INSECURE",
        "Serve without authentication on an address others can reach.",
        FLAG,
    )
    log_level: str = _setting("info", "LOG_LEVEL", "The least severe log lines to write.", LEVELS)
    log_format: str = _setting(
        "auto",
        "LOG_FORMAT",
        "How log lines look; `auto` is `text` on a terminal and `json` elsewhere.",
        choice("auto", "json", "text"),
    )
    max_body_bytes: int = _setting(
        64 * MIB, "MAX_BODY_BYTES", "The largest request body, after decompression too.", SIZE
    )
    max_inflight_bytes: int = _setting(
        512 * MIB,
        "MAX_INFLIGHT_BYTES",
        "Request bodies held in memory at once, per process; past it the answer is 503.",
        SIZE,
    )
    max_inflight_requests: int = _setting(
        2048,
        "MAX_INFLIGHT_REQUESTS",
        "Requests worked on at once, per process; past it the answer is 503.",
        count(1, 100_000),
    )
    max_followers: int = _setting(
        4096,
        "MAX_FOLLOWERS",
        "Clients that follow a log or wait for a turn at once, per process; past it 503.",
        count(0, 100_000),
    )
    pool_size: int = _setting(10, "POOL_SIZE", "Postgres connections per process.", count(1, 1000))
    statement_cache_size: int = _setting(
        512,
        "STATEMENT_CACHE_SIZE",
        "Prepared statements kept per Postgres connection; 0 behind PgBouncer.",
        count(0, 100_000),
    )
    queue_limit: int = _setting(
        1024,
        "QUEUE_LIMIT",
        "What may wait for the SQLite writer or a Postgres connection; past it the answer is 503.",
        count(1, 100_000),
    )
    auto_upgrade: bool = _setting(
        True,
        "AUTO_UPGRADE",
        "Bring the schema up to date at start; otherwise run `commonhold db upgrade`.",
        FLAG,
    )
    traces_forward: str = _setting(
        "",
        "TRACES_FORWARD",
        "A collector that is sent every committed span, such as `http://collector:4318`; none when"
        " empty.",
        COLLECTOR,
        secret=True,
    )
    webhook_allow: str = _setting(
        "",
        "WEBHOOK_ALLOW",
        "Hosts and networks of your own that webhooks may be sent to, also without TLS; others must"
        " be https and public.",
        NETWORKS,
    )
    secret: tuple[str, ...] = _setting(
        (),
        "SECRET",
        "What vote tokens are signed with; when empty, a key that is made once and kept in the"
        " database.",
        SIGNING,
        secret=True,
    )
    vote_token_ttl_s: int = _setting(
        MAX_VOTE_TTL_S,
        "VOTE_TOKEN_TTL_S",
        "The longest that a vote token may be good for, in seconds.",
        count(1, MAX_VOTE_TTL_S),
    )
    cors_origins: tuple[str, ...] = _setting(
        (),
        "CORS_ORIGINS",
        "Whose pages may send votes from a browser; none when empty.",
        ORIGINS,
    )
    limit_admin_per_minute: int = _setting(
        300,
        "LIMIT_ADMIN_PER_MINUTE",
        "Requests of one caller about keys, agents, webhooks, erasures and the like; 0 is no limit.",
        count(0, 10**6),
    )
    limit_failed_per_minute: int = _setting(
        600,
        "LIMIT_FAILED_PER_MINUTE",
        "Answers of 401, 403, 404 and 409 to one caller, but for sessions and spans; 0 is no limit.",
        count(0, 10**6),
    )
    limit_spans_per_day: int = _setting(
        0,
        "LIMIT_SPANS_PER_DAY",
        "Spans of one agent on a UTC day; 0 is no limit.",
        count(0, 10**12),
    )
    limit_trace_bytes_per_day: int = _setting(
        0,
        "LIMIT_TRACE_BYTES_PER_DAY",
        "Bytes of spans of one agent on a UTC day, after decompression; 0 is no limit.",
        count(0, 10**15),
    )
    shutdown_grace_s: float = _setting(
        25.0,
        "SHUTDOWN_GRACE_S",
        "How long requests in flight may take to finish when the service stops.",
        SECONDS,
    )

    @classmethod
    def load(
        cls, flags: Mapping[str, object] | None = None, environ: Mapping[str, str] = os.environ
    ) -> Self:
        """Settings out of `flags` (by field name, None is not given), then the environment.

        Raises:
            InvalidSettings: naming every setting that is wrong, and what is allowed.
        """
        given = {name: str(value) for name, value in (flags or {}).items() if value is not None}
        values, errors = read(cls, given, environ)
        if errors:
            raise InvalidSettings(errors)
        return cls(**values)  # type: ignore[arg-type]

    @property
    def modes(self) -> frozenset[str]:
        """The modes of `auth`, one by one."""
        return frozenset(self.auth.split(","))

    def to_environ(self) -> dict[str, str]:
        """The same settings as variables, for the processes that serve."""
        return {setting.env: setting.default for setting in described(self)}

    def refuse_unsafe(self) -> None:
        """Check that nobody unknown can reach a service that asks nobody who they are.

        Raises:
            InvalidSettings: saying what to set.
        """
        if self.auth == "none" and not self.insecure and not is_loopback(self.host):
            raise InvalidSettings([FieldError((f"{PREFIX}HOST",), unsafe(self.host))])
        if self.auth != "none" and self.insecure:
            told = (
                f"it lets everybody in, and COMMONHOLD_AUTH={self.auth} does not; set one of them."
            )
            raise InvalidSettings([FieldError((f"{PREFIX}INSECURE",), told)])
        faults = tenancy_faults(self.tenancy, self.database, self.database_maintenance, self.auth)
        faults += gateway_faults(self.modes, self.gateway_cidrs)
        if faults:
            raise InvalidSettings(faults)
        if self.workers > 1 and ":memory:" in self.database:
            told = "a database in memory belongs to one process; set it to 1, or use a file."
            raise InvalidSettings([FieldError((f"{PREFIX}WORKERS",), told)])


def documented(kind: type[Settings | ClientSettings]) -> tuple[Setting, ...]:
    """Every setting of `kind`, in the order to document them."""
    return tuple(described(kind()))


def unknown_names(environ: Mapping[str, str] = os.environ) -> tuple[str, ...]:
    """Variables that look like ours and are not: most likely a spelling mistake."""
    known = {setting.env for kind in (Settings, ClientSettings) for setting in documented(kind)}
    # Kubernetes describes every service of a namespace to every pod, under the service's name.
    services = (PREFIX, f"{PREFIX}OTLP_GRPC_")
    linked = tuple(f"{name}{word}_" for name in services for word in ("SERVICE", "PORT"))
    ours = (name for name in environ if name.startswith(PREFIX) and not name.startswith(linked))
    return tuple(sorted(name for name in ours if name not in known))


def metrics_dir(environ: Mapping[str, str] = os.environ) -> str | None:
    """The folder where several workers share their counters; None for a single process."""
    return environ.get(METRICS_DIR) or None


def export(variables: Mapping[str, str]) -> None:
    """Set variables for the processes this one starts."""
    os.environ.update(variables)
