"""What the rules find, what they leave, and that neither depends on where it stands."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commonhold.model.otel import Request
from commonhold.model.redaction import DEFAULT_GROUPS, GROUPS
from commonhold.otlp.requests import spans_of
from commonhold.redact import scan
from commonhold.redact.look import always
from commonhold.redact.redactor import Redactor
from commonhold.redact.rules import names, rules_of
from tests.otlp import wire
from tests.redact.secrets import CLEAN, CORE, JWT, KEPT, NAMES, PATTERNS, PEM

FOUND = [(rule, text) for rule, texts in PATTERNS.items() for text in texts]
NAMED = [(rule, name) for rule, named in NAMES.items() for name in named]
PERSONAL = [
    ("email", "write to ada.l+x@mail.example.co.uk, please"),
    ("card", "4111 1111 1111 1111"),
    ("card", "card 378282246310005."),
    ("iban", "IBAN DE89 3704 0044 0532 0130 00"),
    ("iban", "GB29NWBK60161331926819"),
    ("phone", "call +41 44 668 18 00"),
    ("phone", "or (212) 555-0123"),
]
IMPERSONAL = (
    "4111 1111 1111 1112 and 1700000000000000000",
    "DE89 3704 0044 0532 0130 01",
    "user@host and @name, 2026-01-15 12:30, v1.2.3, +5%",
    "order 4111-22",
)

_texts = st.text(max_size=12) | st.sampled_from([*(text for _, text in FOUND), *CLEAN])
_names = st.text(max_size=6) | st.sampled_from([name for _, name in NAMED])
_values: st.SearchStrategy[Any] = st.recursive(
    _texts | st.integers(-(2**63), 2**63 - 1) | st.booleans() | st.none(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(_names, inner, max_size=3)
        | st.builds(lambda name, value: {"name": name, "value": value}, _names, inner)
        | inner.map(json.dumps)
    ),
    max_leaves=6,
)


def redactor(*groups: Any) -> Redactor:
    """The rules of some groups; of credentials, when none is named."""
    return Redactor(rules_of(groups or DEFAULT_GROUPS))


@pytest.mark.parametrize(("rule", "text"), FOUND)
def test_a_credential_is_found_wherever_it_stands(rule: str, text: str) -> None:
    """Alone, in a sentence, in JSON, in JSON within JSON; and what stands around it stays."""
    plain = redactor()
    told = plain.text(f"before {text} after")

    assert CORE not in told
    assert told.startswith("before ")
    assert told.endswith(" after")
    assert plain.found == {rule: 1}
    assert plain.text(told) == told
    value = {"n": 1, "a": [{"b": text}, json.dumps({"c": json.dumps({"d": text})})]}
    read = json.loads(redactor().json(json.dumps(value)))
    assert CORE not in json.dumps(read)
    assert (read["n"], list(read)) == (1, ["n", "a"])


def test_a_private_key_without_its_end_is_taken_whole() -> None:
    """A log that was cut off has the better part of it."""
    cut = PEM.partition("\n-----END")[0]

    assert redactor().text(f"before {cut}") == "before [redacted:private_key]"


@pytest.mark.parametrize(("rule", "name"), NAMED)
def test_what_stands_under_the_name_of_a_secret_is_one(rule: str, name: str) -> None:
    """However the name is spelt and however deep, also as the pair of a list of headers."""
    shapes: tuple[Callable[[str], Any], ...] = (
        lambda it: {name: it},
        lambda it: {"headers": [{"name": name, "value": it}]},
        lambda it: {"a": [{"b": {name: [it, it]}}]},
        lambda it: {"arguments": json.dumps({"x": [{name: it}]})},
    )
    for shape in shapes:
        at_work = redactor()
        told = at_work.json(json.dumps(shape("hunter2"), indent=1))
        assert "hunter2" not in told
        assert json.loads(told)
        assert f"[redacted:{rule}]" in told
        assert set(at_work.found) == {rule}


@pytest.mark.parametrize("text", CLEAN)
def test_ordinary_text_stays_to_the_letter(text: str) -> None:
    """Also as JSON, whose spelling and numbers nobody touches."""
    odd = f' {{"a" : {json.dumps(text)} , "n": 1.0e2}} '

    assert redactor().text(text) == text
    assert redactor().json(odd) == odd


def test_numbers_schemas_and_names_that_only_look_secret_stay() -> None:
    """A count of tokens is none."""
    assert redactor().value(KEPT) is KEPT


@pytest.mark.parametrize(("rule", "text"), PERSONAL)
def test_personal_data_is_found_where_that_is_asked_for(rule: str, text: str) -> None:
    """And only there."""
    asked = redactor(*GROUPS)

    assert f"[redacted:{rule}]" in asked.text(text)
    assert asked.found == {rule: 1}
    assert redactor().text(text) == text


@pytest.mark.parametrize("text", IMPERSONAL)
def test_numbers_that_do_not_check_are_nobodys(text: str) -> None:
    """A card has Luhn's digit, an account number its remainder."""
    assert redactor(*GROUPS).text(text) == text


@given(_values)
def test_redacting_twice_is_redacting_once(value: Any) -> None:
    """And what comes out of JSON is JSON of the same shape, without a secret."""
    text = json.dumps(value)
    once = redactor().json(text)
    again = redactor()

    assert again.json(once) == once
    assert not again.found
    assert CORE not in once
    assert _shape(json.loads(once)) == _shape(value)


@given(_values, st.sampled_from(["protobuf", "json"]))
def test_the_quick_look_never_misses(value: Any, form: Any) -> None:
    """What it lets pass is what comes out where everything is read: as JSON, and as OTLP has it."""
    reader = Redactor(replace(rules_of(DEFAULT_GROUPS), sees=lambda _: True))
    text = json.dumps(value)
    assert redactor().json(text) == reader.json(text)
    sent = wire.request("x")
    wire.pair(wire.sent_spans(sent)[0].attributes, "a", value)
    body = _encoded(sent, form)

    if not redactor().sees(body):
        spans, _ = spans_of(Request(body, form))
        assert reader.value(spans[0].attributes) is spans[0].attributes


@pytest.mark.parametrize(
    "body",
    [
        rb'{"url":"postgres:\/\/me:%b@db\/x"}',
        rb'{"a":"{\"url\":\"mongodb+srv:\\/\\/me:%b@db\"}"}',
        rb'{"a":"mongodb\u002bsrv://me:%b@db"}',
        rb'{"a":"{\u0022password\u0022:\u0022%b\u0022}"}',
        rb'{"a":"{\u0027password\u0027: \u0027%b\u0027}"}',
        rb'{"a":"AccountKey\u003d%b%b=="}',
        rb'{"a":"{\n\t\"password\"\n:\r\n\"%b\"}"}',
    ],
)
def test_the_quick_look_sees_what_other_languages_spell_as_escapes(body: bytes) -> None:
    """Slashes of PHP, quotation marks of .NET, equals signs of Java."""
    text = body.replace(b"%b", CORE.encode()).decode()

    assert CORE not in redactor().json(text)


@pytest.mark.parametrize(
    "text",
    [
        "a task-force-of-well-known-people, run_test_it, hf_hub, npm_config, the bearer of news",
        json.dumps({"properties": {"password": {"type": "string"}}, "required": ["password"]}),
        json.dumps({"code": 'return request.headers["authorization"] or {"token": None}'}),
        "image: postgres:16, url: https://me@example.com, postgresql://db:5432/x",
        json.dumps({"next_page_token": "abc", "token": 4, "fields": ["password", "secret", "a"]}),
        'parse(token: "Token", other: int) for name in ("password", "cookie", "x")',
    ],
)
def test_the_quick_look_lets_pass_what_only_looks_like_something(text: str) -> None:
    """Whoever is taken for a suspect is read, which is twice as dear."""
    assert not redactor().sees(text.encode())


def test_bytes_in_json_are_looked_into() -> None:
    """Base64 shows nothing from outside."""
    sent = wire.request("x")
    wire.pair(wire.sent_spans(sent)[0].attributes, "raw", JWT.encode())

    assert redactor().sees(_encoded(sent, "json"))


@given(st.lists(st.binary(min_size=1, max_size=3), min_size=1, max_size=60), st.binary())
def test_the_scan_is_the_same_with_the_library_and_without(
    needles: list[bytes], data: bytes
) -> None:
    """An agent without the server gets what the server gets."""
    wanted = [needle.hex() for needle in needles]
    haystack = data.hex().encode()
    is_there = any(each.encode() in haystack for each in wanted)

    assert scan.scan_for(dict.fromkeys(wanted, always))(haystack, haystack) == is_there
    assert any(scan._plain([each.encode() for each in wanted])(haystack)) == is_there


@pytest.mark.parametrize("name", [name for _, name in NAMED])
@pytest.mark.parametrize("form", ["protobuf", "json"])
def test_the_quick_look_sees_names_in_every_encoding(name: str, form: Any) -> None:
    """As OTLP has them, in either, and in JSON that spells a letter as an escape."""
    sent = wire.request("x")
    assert not rules_of(DEFAULT_GROUPS).sees(_encoded(sent, form))
    wire.pair(wire.sent_spans(sent)[0].attributes, "a", {"b": {name: "hunter2"}})
    body = _encoded(sent, form)

    assert rules_of(DEFAULT_GROUPS).sees(body)
    spans, _ = spans_of(Request(body, form))
    assert "hunter2" not in str(redactor().value(spans[0].attributes))
    escaped = json.dumps({name: JWT}).replace("e", "\\u0065").replace("k", "\\u006b")
    assert rules_of(DEFAULT_GROUPS).sees(escaped.encode()) or escaped == json.dumps({name: JWT})


def test_every_rule_is_tried_here() -> None:
    """A rule that nobody tries finds nothing for sure."""
    assert {*PATTERNS, *NAMES, *(rule for rule, _ in PERSONAL)} == set(names())


def _encoded(sent: Any, form: str) -> bytes:
    body: bytes = sent.SerializeToString() if form == "protobuf" else wire.as_json(sent)
    return body


def _shape(value: Any) -> Any:
    """A value without its texts, and names that might be secrets themselves."""
    if isinstance(value, dict):
        return [_shape(inner) for inner in value.values()]
    if isinstance(value, list):
        return [_shape(inner) for inner in value]
    return "" if isinstance(value, str) else value
