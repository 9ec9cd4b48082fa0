"""What spans mean, in every vocabulary."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commonhold.model.otel import Meaning, OtelSpan, Resource, Scope, Tokens
from commonhold.otlp.meaning import meaning_of
from commonhold.otlp.vocabulary import Conditional, name_of, vocabulary

FIELDS = vocabulary().fields
NAMES = [name_of(a).removesuffix(".*") for said in FIELDS.values() for a in said.attributes]
SAMPLES: dict[str, Any] = {"count": 7, "cost": 0.5, "object": '{"input": 7}', "operation": "tool"}
ROWS = [
    (field, attribute)
    for field, said in FIELDS.items()
    for attribute in said.attributes
    if field not in ("usage", "instructions", "input_tokens", "output_tokens", "total_tokens")
    if field not in ("cached_input", "cache_write", "reasoning", "tags")
]


def meaning(name: str = "x", scope: str = "", **attributes: Any) -> Meaning:
    """The meaning of a span with these attributes."""
    span = OtelSpan(
        *("a" * 32, "b" * 16, None, name, 1, 0, 1),
        attributes=attributes,
        resource=Resource({"service.name": "unknown_service:python"}),
        scope=Scope(scope),
    )
    return meaning_of(span)


@pytest.mark.parametrize(("field", "attribute"), ROWS)
def test_every_name_of_the_table_is_found(field: str, attribute: str | Conditional) -> None:
    """One name alone says the field."""
    value = SAMPLES.get(FIELDS[field].read, "tool")
    said = {name_of(attribute).removesuffix(".*"): value}
    if isinstance(attribute, Conditional):
        said[attribute.when] = min(attribute.among)
    assert getattr(meaning(**said), field) == value


def test_double_counting_agents_are_agents() -> None:
    """Strands repeats the sum on `invoke_agent`."""
    said: dict[str, Any] = {"gen_ai.operation.name": "invoke_agent", "gen_ai.usage.input_tokens": 3}
    said |= {"gen_ai.usage.output_tokens": "4", "gen_ai.agent.name": "a"}
    found = meaning(**said)
    assert (found.operation, found.agent, found.tokens) == ("agent", "a", Tokens(3, 4, 7))


@given(
    st.dictionaries(
        st.sampled_from([*NAMES, "gen_ai.prompt.0.role", "llm.input_messages.0.message.content"]),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
            lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
            max_leaves=5,
        ),
    )
)
def test_nothing_raises_and_order_says_nothing(said: dict[str, Any]) -> None:
    """Whatever the attributes hold, in whichever order."""
    assert meaning(**said) == meaning(**dict(reversed(said.items())))
