"""What a session used, and what that costs."""

from __future__ import annotations

import json
from typing import Any

import pytest

from commonhold.model import wire_turns
from commonhold.model.otel import Tokens
from commonhold.pricing import cost_nano
from commonhold.pricing import usage as usage_of

UNKNOWN = {
    "input_per_1k": None,
    "output_per_1k": None,
    "cached_input_per_1k": None,
    "per_request": None,
}


def usage(cost: str) -> dict[str, Any]:
    """The usage that cost data tells, as it looks on the wire."""
    told = wire_turns.usage_out(usage_of("s1", cost))
    assert told.pop("session_id") == "s1"
    return told


def of(**cost: Any) -> dict[str, Any]:
    """The usage that cost data tells."""
    return usage(json.dumps(cost))


def test_nothing_recorded_is_nothing_used() -> None:
    """Counters are zero; a price would be a claim about a model nobody named."""
    assert usage("{}") == {
        "model": None,
        "input_tokens": 0,
        "output_tokens": 0,
        "cached_tokens": 0,
        "turn_count": 0,
        "cost_usd": None,
        "pricing": UNKNOWN,
    }


def test_the_cost_is_the_sum_of_tokens_at_the_rates_that_are_told() -> None:
    """Cached tokens are a part of the input, at their own rate."""
    found = of(model="gpt-4o", input_tokens=3000, cached_tokens=1000, output_tokens=500)
    rate = found["pricing"]
    expected = 2 * rate["input_per_1k"] + rate["cached_input_per_1k"] + rate["output_per_1k"] / 2

    assert found["cost_usd"] == pytest.approx(expected)
    assert 0 < rate["cached_input_per_1k"] < rate["input_per_1k"] < rate["output_per_1k"]


def test_a_known_model_that_did_nothing_costs_nothing() -> None:
    """Zero is known here."""
    assert of(model="gpt-4o")["cost_usd"] == 0


def test_a_provider_may_stand_before_the_name() -> None:
    """As gateways write it."""
    assert of(model="openai/gpt-4o")["pricing"] == of(model="gpt-4o")["pricing"]


def test_a_price_in_tiers_is_its_first() -> None:
    """The size of one request is not in a sum over many."""
    small = of(model="gemini-2.5-pro", input_tokens=1000)
    large = of(model="gemini-2.5-pro", input_tokens=1_000_000)

    assert small["pricing"] == large["pricing"]
    assert large["cost_usd"] == pytest.approx(small["cost_usd"] * 1000)


@pytest.mark.parametrize("model", ["my-own-llama", "", "a/b/c", "openai/", "/", "x" * 100_000])
def test_an_unknown_model_has_no_price(model: str) -> None:
    """Null, never zero; its tokens are told all the same."""
    found = of(model=model, input_tokens=5)

    assert (found["model"], found["input_tokens"]) == (model, 5)
    assert found["cost_usd"] is None
    assert found["pricing"] == UNKNOWN


@pytest.mark.parametrize("value", [None, "5", -1, 1.5, True, [], {}])
def test_a_counter_that_is_no_count_is_zero(value: Any) -> None:
    """Cost data is opaque: an agent may write anything."""
    found = of(model="gpt-4o", input_tokens=value, output_tokens=value, cached_tokens=value)

    assert (found["input_tokens"], found["output_tokens"], found["cached_tokens"]) == (0, 0, 0)
    assert found["cost_usd"] == 0


@pytest.mark.parametrize("model", [None, 5, [], {}, True])
def test_a_model_that_is_no_name_is_none(model: Any) -> None:
    """Nothing is guessed."""
    assert of(model=model)["model"] is None


def test_more_cached_than_came_in_costs_no_less_than_nothing() -> None:
    """Cached tokens past the input are not counted."""
    found = of(model="gpt-4o", input_tokens=1000, cached_tokens=5000)

    assert found["cost_usd"] == found["pricing"]["cached_input_per_1k"]
    assert found["cached_tokens"] == 5000


def test_huge_counters_are_still_told() -> None:
    """A number past every register is a number."""
    assert of(model="gpt-4o", input_tokens=10**40)["cost_usd"] > 0


def test_a_call_is_priced_exactly_with_its_cached_part_at_its_own_rate() -> None:
    """Whole billionths of a dollar: sums of them depend on no order."""
    tokens = Tokens(input=1000, output=10, cached_input=100)
    assert cost_nano("gpt-4o-2024-08-06", "openai", tokens) == 2_475_000


def test_a_large_call_costs_the_rates_of_its_tier() -> None:
    """Past the threshold every token does."""
    small, large = Tokens(input=200_000, output=0), Tokens(input=200_001, output=0)
    costs = [cost_nano("claude-sonnet-4-5", "anthropic", each) for each in (small, large)]
    assert costs == [200_000 * 3_000, 200_001 * 6_000]


@pytest.mark.parametrize(
    ("model", "tokens"),
    [
        (None, Tokens(input=1, output=1)),
        ("nobody-knows-this", Tokens(input=1, output=1)),
        ("gpt-4o", Tokens(input=1)),
        ("gpt-4o", Tokens()),
    ],
)
def test_a_call_that_cannot_be_priced_costs_something_unknown(
    model: str | None, tokens: Tokens
) -> None:
    """Never nothing."""
    assert cost_nano(model, None, tokens) is None


def test_a_provider_that_is_unknown_hides_no_price() -> None:
    """The model's own name is enough."""
    tokens = Tokens(input=10, output=10)
    assert cost_nano("gpt-4o", "my.gateway", tokens) == cost_nano("gpt-4o", None, tokens)
