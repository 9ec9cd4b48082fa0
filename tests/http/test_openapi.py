"""OpenAPI is complete and true: what it says is done to the service, and the answers compared."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from types import ModuleType
from typing import Any

import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, settings
from msgspec import Struct
from msgspec.structs import fields
from schemathesis.python.asgi import shutdown_lifespans

from commonhold.auth.key_form import Pepper
from commonhold.contract.stores import Stores
from commonhold.contract.webhooks import KeepsWebhooks
from commonhold.http import (
    Extras,
    HttpOptions,
    Service,
    bodies,
    create_app,
    key_schemas,
    otlp,
    redaction_schemas,
    registry_schemas,
    schemas,
    score_bodies,
    score_schemas,
    trace_schemas,
    webhook_bodies,
    webhook_schemas,
)
from commonhold.model import (
    wire,
    wire_keys,
    wire_redaction,
    wire_registry,
    wire_scores,
    wire_traces,
    wire_webhooks,
)
from commonhold.model.key import OF_AN_AGENT, ApiKey
from commonhold.model.redaction import Policy
from commonhold.model.registry import Binding, Identity, Registered
from commonhold.model.scope import Scope
from commonhold.model.webhook import Conditions, Delivery, Webhook
from commonhold.service.keys import KeyRing
from commonhold.service.redaction import PolicyDesk
from commonhold.service.registry import AgentRegistry
from commonhold.service.tenants import TenantList
from commonhold.service.webhook_targets import Targets
from commonhold.service.webhooks import CheckedWebhooks
from commonhold.sql import SqlBackend, open_backend
from commonhold.sql.api_keys import SqlKeys
from commonhold.sql.database import Database
from commonhold.sql.redaction import SqlPolicies
from commonhold.sql.registry import SqlRegistry
from commonhold.sql.tenants import SqlTenants
from commonhold.testing import factories

EXAMPLES = 12
NOW = factories.NOON
AGENT = Registered("t", "a", "active", (), "by", NOW, NOW)
BOUND = Binding("b", Identity("oidc_client", "kc", "c"), "t", "a", "by", NOW)


def served() -> Service:
    """The service over a database that opens with it."""
    opened: list[Stores] = []

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        backend = await open_backend("sqlite:///:memory:")
        opened.append(Stores.on(backend))
        yield
        await backend.aclose()

    targets = Targets(["127.0.0.0/8"])

    def webhooks(scope: Scope) -> CheckedWebhooks:
        backend = opened[-1].backends[0].bind(scope)
        assert isinstance(backend, KeepsWebhooks)
        return CheckedWebhooks(backend.webhooks, targets)

    async def keys() -> list[bytes]:
        return [b"a key of thirty-two bytes, or so"]

    def database() -> Database:
        backend = opened[-1].backends[0]
        assert isinstance(backend, SqlBackend)
        return backend.database

    ring = KeyRing(lambda: SqlKeys(database()), [Pepper(b"a pepper of thirty-two bytes or so")])
    options = HttpOptions(loopback_only=False)
    extras = Extras(
        keys,
        webhooks,
        ring,
        TenantList(lambda: SqlTenants(database())),
        policies=PolicyDesk(lambda: SqlPolicies(database()), Policy()),
        registry=AgentRegistry(lambda: SqlRegistry(database())),
    )
    return create_app(lambda: opened[-1], options, lifespan=lifespan, extras=extras)


APP = served()
ROUTES = {operation.path.rpartition("/")[2] for operation in APP.operations}
API = schemathesis.openapi.from_dict(APP.openapi())
API.app = APP
# A version may be well formed and not the current one; an index, and outside of what there is; a
# token, and its turn over.
API.config.checks.positive_data_acceptance.expected_statuses += ["412", "400", "409"]
schemathesis.serializer.alias(list(otlp.BINARY), "application/octet-stream")
# Who follows a log would follow it for ever.
APP.gate.close()


@pytest.fixture(scope="module", autouse=True)
def ended() -> Iterator[None]:
    """The database is closed after the last request."""
    yield
    shutdown_lifespans()


@API.parametrize()
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
def test_the_service_does_what_it_says(case: schemathesis.Case) -> None:
    """Every check of schemathesis, on requests that are right and on requests that are wrong."""
    _name_no_route(case)
    if case.meta is not None and case.meta.generation.mode.is_positive:
        _keep_what_no_schema_can_say(case)
    case.call_and_validate()


def _name_no_route(case: schemathesis.Case) -> None:
    """`/v1/feedback/tokens` is a route of its own, and no record of that id."""
    for name, value in (case.path_parameters or {}).items():
        if value in ROUTES:
            case.path_parameters[name] = f"{value}-1"


def _keep_what_no_schema_can_say(case: schemathesis.Case) -> None:
    """A cursor is one of an earlier page; a span that names its trace names the one it is in.

    A search has a word in it, metadata is a JSON object, the last messages are before none, a window
    ends after it begins, a time zone exists, and bodies say what makes sense together.
    """
    for name in ("cursor", "q", "metadata", "last"):
        (case.query or {}).pop(name, None)
    body: Any = case.body
    if case.path == "/v1/agents" or case.path.startswith(("/v1/feedback", "/v1/scores")):
        for name in ("until", "tz"):
            (case.query or {}).pop(name, None)
    if case.method == "POST" and case.path == "/v1/scores":
        for score in body if isinstance(body, list) else [body]:
            for name in ("data_type", "value_num", "value_json", "message_id", "span_id"):
                score.pop(name, None)
            score["value"] = True
    if isinstance(body, dict):
        _make_sense(case, body)


def _make_sense(case: schemathesis.Case, body: dict[str, Any]) -> None:
    """A vote token is for one thing; a webhook leads somewhere, under conditions that can be met.

    A key of an agent names it.
    """
    if case.path == "/v1/feedback/tokens":
        body |= {"session_id": None, "turn": None, "message_id": None, "trace_id": "t"}
    if case.path.endswith("/bindings"):
        body["kind"] = "oidc_client"  # the subjects of the others have a form of their own
    if "preset" in body:
        body["agent"] = "a" if body["preset"] in OF_AN_AGENT else None
    if case.path.startswith("/v1/webhooks"):
        told = {"url": "https://127.0.0.1/", "conditions": {"rating": "down"}}
        body |= {name: told[name] for name in told if name in body}
    if case.method == "POST" and case.path == "/v1/traces":
        for span in body.get("spans") or ():
            span.pop("trace_id", None)


@pytest.mark.parametrize(
    "model",
    [
        *(bodies, score_bodies, webhook_bodies),
        *(schemas, score_schemas, trace_schemas, webhook_schemas, key_schemas),
        registry_schemas,
    ],
)
def test_every_shape_is_described(model: ModuleType) -> None:
    """A body or an answer that is in no operation would be one that nobody can find."""
    named = APP.openapi()["components"]["schemas"]
    shapes = {
        name
        for name, shape in vars(model).items()
        if isinstance(shape, type) and issubclass(shape, Struct) and shape is not Struct
    }

    assert shapes
    assert shapes <= set(named)


def test_every_operation_has_its_own_name_and_says_what_it_does() -> None:
    """Generated clients name their methods after it."""
    operations = [
        operation for path in APP.openapi()["paths"].values() for operation in path.values()
    ]
    names = [operation["operationId"] for operation in operations]

    assert len(names) == len(set(names)) == len(APP.operations)
    assert all(operation["summary"] and operation["description"] for operation in operations)


def test_what_is_sent_has_exactly_the_fields_that_are_described() -> None:
    """The shapes in OpenAPI are written by hand, the answers by the model."""
    told: dict[type[Struct], dict[str, Any]] = {
        schemas.Session: wire.session_out(factories.session(open_tool_calls=())),
        schemas.Message: wire.message_out(factories.stored_message()),
        schemas.Written: wire.written_out(factories.written()),
        trace_schemas.Trace: wire_traces.trace_out(factories.trace()),
        trace_schemas.TraceSummary: wire_traces.summary_out(factories.summary()),
        schemas.Feedback: wire.feedback_out(factories.feedback()),
        schemas.FeedbackOnTurn: wire.feedback_out(factories.feedback(), turns=True),
        score_schemas.ScoreOnTurn: wire_scores.score_out(factories.score(), turns=True),
        score_schemas.ScoreStats: wire_scores.score_stats_out(factories.score_stats(), None),
        webhook_schemas.Webhook: wire_webhooks.webhook_out(
            Webhook("h", "https://a.example", Conditions("up"), True, "anon", NOW, NOW)
        ),
        webhook_schemas.Delivery: wire_webhooks.delivery_out(
            Delivery("e", "h", "webhook.test", None, "pending", 0, NOW, NOW, NOW)
        ),
        redaction_schemas.RedactionPolicy: wire_redaction.policy_out(Policy(), None),
        schemas.FeedbackStats: wire.stats_out(factories.stats()),
        registry_schemas.RegisteredAgent: wire_registry.registered_out(AGENT, ()),
        registry_schemas.AgentBinding: wire_registry.binding_out(BOUND),
        key_schemas.Key: wire_keys.key_out(
            ApiKey("k", "t", "n", "viewer", "", "last", "p", b"", "by", NOW, NOW), NOW
        ),
    }
    for shape, value in told.items():
        assert list(value) == [field.encode_name for field in fields(shape)], shape
    [span] = wire_traces.trace_out(factories.trace(spans=(factories.span(),)))["spans"]
    assert list(span) == [field.encode_name for field in fields(trace_schemas.Span)]
