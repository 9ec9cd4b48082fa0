"""OpenAPI out of the operations: parameters, bodies, answers and problems, complete and true."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from http import HTTPStatus
from typing import Any

import msgspec

from commonhold.http.bodies import AGENT, KEY
from commonhold.http.operation import Body, Operation, Reply
from commonhold.http.params import Param
from commonhold.http.problems import MEDIA_TYPE
from commonhold.http.schemas import Problem, RpcStatus

Schema = dict[str, Any]
Describe = Callable[[Operation], Schema]

_REF = "#/components/schemas/"
_ANYWHERE = (401, 403, 500, 503)
_WITH_BODY = (400, 413, 415, 422)

_REQUEST_HEADERS: Mapping[str, Schema] = {
    "Prefer": {
        "description": "`return=representation` answers with the whole value.",
        "schema": {"type": "string"},
    },
    "Idempotency-Key": {
        "description": "Makes a retry harmless. It is its author's own, and of this session or route.",
        "schema": {"type": "string", "pattern": "^[!-~]{1,100}$"},
    },
    "Lease-Token": {
        "description": "The token of the lease under which this is written.",
        "schema": {"type": "string", "pattern": "^[0-9]{1,18}$"},
    },
    "Last-Event-ID": {
        "description": "The sequence of the last event that was seen; it wins over `after`.",
        "schema": {"type": "string", "pattern": "^[0-9]{1,18}$"},
    },
    "If-Match": {
        "description": "The version, in quotes, that must still be current: as an `ETag` gave it.",
        "schema": {"type": "string", "pattern": '^"[0-9]{1,18}"$'},
    },
}
_ANSWER_HEADERS: Mapping[str, Schema] = {
    "ETag": {"description": "The version of the session.", "schema": {"type": "string"}},
    "Link": {
        "description": 'The next page: `<...>; rel="next"`. Absent when the list ends here.',
        "schema": {"type": "string"},
    },
    "Content-Disposition": {
        "description": "The name of the file that this is.",
        "schema": {"type": "string"},
    },
    "X-Request-ID": {
        "description": "The id of this request in the log: the caller's own, or a fresh one.",
        "schema": {"type": "string"},
    },
    "Location": {
        "description": "Where to look how far it is.",
        "schema": {"type": "string"},
    },
    "Retry-After": {
        "description": "Seconds to wait.",
        "schema": {"type": "integer", "minimum": 1},
    },
    "Allow": {"description": "The methods of this path.", "schema": {"type": "string"}},
}


@lru_cache(maxsize=256)
def described_by_reference(operation: Operation) -> Schema:
    """The operation, its shapes as references to `components`."""
    return _describe(operation, _reference)


@lru_cache(maxsize=256)
def described_inline(operation: Operation) -> Schema:
    """The operation with every shape written out: whole in any application it is added to."""
    return _describe(operation, lambda shape: _inline(*_schema_of(shape)))


def components(operations: Iterable[Operation]) -> dict[str, Schema]:
    """Every shape the operations refer to, by name."""
    shapes: list[Any] = [Problem, RpcStatus]
    for operation in operations:
        shapes.extend(operation.body.shapes if operation.body else ())
        for reply in operation.replies.values():
            shapes.extend(reply.shapes)
    _, named = msgspec.json.schema_components(shapes, ref_template=_REF + "{name}")
    return named


def _describe(operation: Operation, schema: Callable[[Any], Schema]) -> Schema:
    described: Schema = {
        "parameters": _parameters(operation),
        "responses": {
            **{str(status): _reply(reply, schema) for status, reply in operation.replies.items()},
            **{str(status): _problem(status, operation, schema) for status in _errors(operation)},
        },
    }
    if operation.body is not None:
        described["requestBody"] = _body(operation.body, schema)
    return described


def _parameters(operation: Operation) -> list[Schema]:
    found: list[Schema] = []
    for name in filter(None, (operation.key_name, operation.part_name)):
        path: Schema = {"name": name, "in": "path", "required": True}
        pattern = AGENT if name == "agent" else KEY
        found.append({**path, "schema": {"type": "string", "pattern": pattern}})
    found += [
        {"name": param.name, "in": "query", "description": param.doc, **_value(param)}
        for param in operation.query
    ]
    headers: list[Schema] = [
        {"name": name, "in": "header", "required": name in operation.needs}
        for name in operation.headers
    ]
    return [*found, *({**header, **_REQUEST_HEADERS[header["name"]]} for header in headers)]


def _value(param: Param) -> Schema:
    schema = dict(param.schema)
    is_plain = not param.into and not isinstance(param.default, tuple)
    if param.default is not None and is_plain:
        schema["default"] = param.default
    return (
        {"content": {"application/json": {"schema": schema}}}
        if param.is_json
        else {"schema": schema}
    )


def _body(body: Body, schema: Callable[[Any], Schema]) -> Schema:
    content = {"application/json": {"schema": _any_of(body.shapes, schema)}, **_bytes(body.binary)}
    described: Schema = {"required": body.is_required, "content": content}
    return {**described, "description": body.doc} if body.doc else described


def _reply(reply: Reply, schema: Callable[[Any], Schema]) -> Schema:
    headers = ("X-Request-ID", *reply.headers)
    described: Schema = {
        "description": reply.doc,
        "headers": {name: _ANSWER_HEADERS[name] for name in headers},
    }
    if reply.shapes:
        content = {reply.media: {"schema": _any_of(reply.shapes, schema)}}
        described["content"] = {**content, **_bytes(reply.binary)}
    return described


def _bytes(media: Iterable[str]) -> Schema:
    """Bodies that OpenAPI has no words for."""
    return {name: {"schema": {"type": "string", "format": "binary"}} for name in media}


def _errors(operation: Operation) -> list[int]:
    expected = {*_ANYWHERE, *operation.errors}
    if operation.body is not None:
        expected.update(_WITH_BODY)
    if operation.is_limited:
        expected.add(429)
    if operation.query or operation.headers:
        expected.add(422)
    return sorted(expected)


def _problem(status: int, operation: Operation, schema: Callable[[Any], Schema]) -> Schema:
    headers = ("X-Request-ID", "Retry-After") if status in (429, 503) else ("X-Request-ID",)
    described: Schema = {
        "description": HTTPStatus(status).phrase,
        "headers": {name: _ANSWER_HEADERS[name] for name in headers},
    }
    if operation.method != "HEAD":
        described["content"] = {
            MEDIA_TYPE: {"schema": schema(Problem)},
            **_status(operation, schema),
        }
    return described


def _status(operation: Operation, schema: Callable[[Any], Schema]) -> Schema:
    """How an operation that speaks OTLP tells errors to whoever does."""
    if operation.refuse is None:
        return {}
    binary = operation.body.binary[:1] if operation.body else ()
    return {"application/json": {"schema": schema(RpcStatus)}, **_bytes(binary)}


def _any_of(shapes: tuple[Any, ...], schema: Callable[[Any], Schema]) -> Schema:
    found = [schema(shape) for shape in shapes]
    return found[0] if len(found) == 1 else {"anyOf": found}


def _schema_of(shape: Any) -> tuple[Schema, dict[str, Schema]]:
    (schema,), named = msgspec.json.schema_components([shape], ref_template=_REF + "{name}")
    return schema, named


@lru_cache(maxsize=256)
def _reference(shape: Any) -> Schema:
    return _schema_of(shape)[0]


def _inline(schema: Any, named: Mapping[str, Schema]) -> Any:
    if isinstance(schema, dict):
        name = schema.get("$ref", "").removeprefix(_REF)
        if name in named:
            return _inline(named[name], named)
        return {key: _inline(value, named) for key, value in schema.items()}
    if isinstance(schema, list):
        return [_inline(item, named) for item in schema]
    return schema
