"""Traces written to an OpenTelemetry collector, behind `otlp+http:` and `otlp+https:`."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from commonhold.client import address, otlp_json
from commonhold.client.retry import Retry
from commonhold.client.transport import Network, Timeouts, Transport
from commonhold.contract.feedback import Feedback
from commonhold.contract.sessions import Sessions
from commonhold.errors import InvalidRequest, Unsupported
from commonhold.model.agent import Agent, AgentQuery
from commonhold.model.opaque import JsonText
from commonhold.model.otel import OtelLog, OtelSpan, Rejected, Request
from commonhold.model.page import DEFAULT_LIMIT, Page
from commonhold.model.scope import ANYONE, Author, Scope
from commonhold.model.trace import Trace, TraceQuery, TraceSummary

log = logging.getLogger("commonhold.client")

PREFIX = "otlp+"
"""What comes before the `http:` or `https:` of the collector."""

PATIENCE = Retry(
    attempts=6,
    base_s=0.5,
    cap_s=5.0,
    patience_s=10.0,
    deadline_s=10.0,
    statuses=otlp_json.NOT_NOW,
)
"""As long as the exporters of OpenTelemetry themselves go on trying."""

TIMEOUTS = Timeouts(read_s=10.0, write_s=10.0, pool_s=10.0)
"""The same for one attempt."""


class OtlpTraces:
    """`contract.traces.Traces` that only writes: a collector passes on what it takes."""

    def __init__(self, transport: Transport, author: Author) -> None:
        self._transport = transport
        self._author = author

    async def put(self, trace: Trace, /) -> None:
        call = otlp_json.export(trace, self._author)
        if not trace.spans:
            self._transport.check_open()
            log.debug("a trace without spans is nothing to a collector")
            return
        otlp_json.check_taken(await self._transport.send(call))

    async def find(self, trace_id: str, /) -> Trace | None:
        raise self._write_only()

    async def get(self, trace_id: str, /) -> Trace:
        raise self._write_only()

    async def record(self, spans: Sequence[OtelSpan], /) -> None:
        otlp_json.check_taken(await self._transport.send(otlp_json.export_spans(spans)))

    async def take(self, request: Request, /) -> Rejected:
        return otlp_json.taken(await self._transport.send(otlp_json.request(request)))

    async def record_logs(self, logs: Sequence[OtelLog], /) -> None:
        otlp_json.check_taken(await self._transport.send(otlp_json.export_logs(logs)))

    async def otlp(self, trace_id: str, /) -> JsonText:
        raise self._write_only()

    async def list(self, query: TraceQuery = TraceQuery(), /) -> Page[TraceSummary]:
        raise self._write_only()

    async def of_session(
        self, session_id: str, /, *, after_trace_id: str | None = None, limit: int = DEFAULT_LIMIT
    ) -> tuple[Trace, ...]:
        raise self._write_only()

    async def agents(self, query: AgentQuery = AgentQuery(), /) -> tuple[Agent, ...]:
        raise self._write_only()

    def _write_only(self) -> Unsupported:
        """What every method raises that reads."""
        self._transport.check_open()
        return Unsupported(
            "A collector takes traces and gives none back: read them where it sends them, or keep "
            "them in a store (sqlite:, postgresql:, https:)."
        )


class OtlpBackend:
    """`contract.stores.Backend` on a collector, which has a place for traces only.

    `agent` is the service that the spans name; a scope that names an agent goes before it.
    """

    def __init__(self, transport: Transport, *, agent: str = "", scope: Scope = ANYONE) -> None:
        self._transport = transport
        self._agent = agent
        author = scope.author
        self.traces = OtlpTraces(transport, Author(author.agent or agent, author.user))

    @property
    def sessions(self) -> Sessions:
        raise traces_only("sessions")

    @property
    def feedback(self) -> Feedback:
        raise traces_only("feedback")

    def bind(self, scope: Scope, /) -> OtlpBackend:
        """The same connections, on behalf of the agent and the user of `scope`.

        Raises:
            Unsupported: for another tenant, which a collector would not keep apart.
        """
        if scope.tenant != ANYONE.tenant:
            raise Unsupported("A collector knows no tenants: give each one a collector of its own.")
        return OtlpBackend(self._transport, agent=self._agent, scope=scope)

    async def check(self) -> None:
        """Return when the collector takes an empty request."""
        otlp_json.check_taken(await self._transport.send(otlp_json.READY))

    async def aclose(self) -> None:
        await self._transport.aclose()


def traces_only(surface: str) -> Unsupported:
    """The refusal to keep anything else."""
    return Unsupported(f"A collector takes traces only: {surface} need another URL.")


def open_collector(
    url: str,
    *,
    agent: str | None = None,
    timeout: Timeouts = TIMEOUTS,
    retry: Retry = PATIENCE,
    transport: Network | None = None,
) -> OtlpBackend:
    """A collector as a backend. Nothing is sent yet: it may well be down now and up later.

    `url` is the collector's, with `otlp+` before it; the path of an exporter at its end is left
    out. Its user and password are all the credentials a collector gets: a token is for a service.

    Raises:
        InvalidRequest: the URL cannot be used.
    """
    if "?" in url or "#" in url:
        raise InvalidRequest("The URL of a collector has no ? or # part.")
    plain = url.removeprefix(PREFIX).rstrip("/").removesuffix(otlp_json.PATH)
    line = Transport(address.parse(plain), timeouts=timeout, retry=retry, network=transport)
    return OtlpBackend(line, agent=agent or "")
