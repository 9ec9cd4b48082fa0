"""Prices of models, calls and sessions. The only module that knows the price list."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from commonhold.model import opaque
from commonhold.model.otel import Tokens
from commonhold.model.usage import UNPRICED, Rate, Usage

if TYPE_CHECKING:
    from genai_prices.types import ModelPrice, TieredPrices

_THOUSAND = Decimal(1000)
_PICO_PER_MILLION = 10**6
"""A dollar per million tokens is so many trillionths of a dollar per token."""

PROVIDERS = {
    "aws.bedrock": "aws",
    "azure.ai.inference": "azure",
    "azure.ai.openai": "azure",
    "gcp.gemini": "google",
    "gcp.gen_ai": "google",
    "gcp.vertex_ai": "google",
    "mistral_ai": "mistral",
    "x_ai": "x-ai",
}
"""Providers as GenAI conventions name them, and as the price list does."""

_COUNTERS = ("input_tokens", "output_tokens", "cached_tokens", "turn_count")
_RATES = {
    "input_per_1k": "input_mtok",
    "output_per_1k": "output_mtok",
    "cached_input_per_1k": "cache_read_mtok",
    "per_request": "requests_kcount",
}

Exact = Mapping[str, Decimal | None]


def usage(session_id: str, cost_data: str) -> Usage:
    """The counters in `cost_data`, a JSON object, with their price.

    Counters are sums over many requests, so that prices that depend on the size of one request
    are taken at their first tier.
    """
    data: Mapping[str, Any] = opaque.loads(cost_data, "cost_data")
    named = data.get("model")
    model = named if isinstance(named, str) else None
    counts = {name: _count(data.get(name)) for name in _COUNTERS}
    rates = None if model is None else rates_of(model)
    return Usage(
        session_id,
        model,
        **counts,
        cost_usd=None if rates is None else _number(_cost(counts, rates)),
        pricing=UNPRICED if rates is None else _rounded(rates),
    )


@lru_cache(maxsize=256)
def rates_of(model: str) -> Exact | None:
    """List prices of a model by its name alone or as `provider/name`, by the fields of `Rate`.

    None when it has none, or where the price list is not installed.
    """
    provider, slash, name = model.partition("/")
    price = _find(model, None) or (_find(name, provider) if slash else None)
    if price is None:
        return None
    return {ours: _per(price, theirs) for ours, theirs in _RATES.items()}


class CallRate(NamedTuple):
    """What a token costs in a call of more than `above` tokens of input, in trillionths of a dollar."""

    above: int
    input: int
    cached_input: int
    cache_write: int
    output: int


def cost_nano(model: str | None, provider: str | None, tokens: Tokens) -> int | None:
    """What one call costs by list price, in billionths of a dollar; None when that is unknown."""
    if model is None or tokens.input is None or tokens.output is None:
        return None
    rates = _call_rates(model, provider)
    if not rates:
        return None
    rate = next(each for each in rates if tokens.input > each.above)
    cached = min(tokens.cached_input or 0, tokens.input)
    written = min(tokens.cache_write or 0, tokens.input - cached)
    pico = (
        (tokens.input - cached - written) * rate.input
        + cached * rate.cached_input
        + written * rate.cache_write
        + tokens.output * rate.output
    )
    return (pico + 500) // 1000


def preload() -> None:
    """Load the price list, which takes a moment, before the first call is priced."""
    _call_rates("gpt-4o", None)


@lru_cache(maxsize=1024)
def _call_rates(model: str, provider: str | None) -> tuple[CallRate, ...]:
    """The rates of a model, those of the largest calls first."""
    known = None if provider is None else PROVIDERS.get(provider, provider)
    price = (_find(model, known) if known else None) or _find(model, None)
    if price is None or price.input_mtok is None or price.output_mtok is None:
        return ()
    prices = (price.input_mtok, price.output_mtok)
    starts = {tier.start for each in prices for tier in getattr(each, "tiers", ())}
    return (*(_call_rate(price, at) for at in sorted(starts, reverse=True)), _call_rate(price, -1))


def _call_rate(price: ModelPrice, above: int) -> CallRate:
    into = _at(price.input_mtok, above) or 0
    cached, written = (_at(each, above) for each in (price.cache_read_mtok, price.cache_write_mtok))
    return CallRate(
        above,
        into,
        into if cached is None else cached,
        into if written is None else written,
        _at(price.output_mtok, above) or 0,
    )


def _at(price: Decimal | TieredPrices | None, above: int) -> int | None:
    """A price per million tokens, at a tier of it, as one per token."""
    if price is None or isinstance(price, Decimal):
        return None if price is None else round(price * _PICO_PER_MILLION)
    reached = [tier.price for tier in price.tiers if tier.start <= above]
    return round((reached[-1] if reached else price.base) * _PICO_PER_MILLION)


def _rounded(rates: Exact) -> Rate:
    return Rate(**{name: _number(rate) for name, rate in rates.items()})


def _find(model: str, provider: str | None) -> ModelPrice | None:
    try:
        # Large, and an extra: only who asks for a price needs it.
        from genai_prices import Usage as Tokens  # noqa: PLC0415
        from genai_prices import calc_price  # noqa: PLC0415

        found = calc_price(Tokens(input_tokens=0, output_tokens=0), model, provider_id=provider)
    except Exception:  # noqa: BLE001 - whatever a name does to a price list, usage is still told
        return None
    return found.model_price


def _per(price: ModelPrice, name: str) -> Decimal | None:
    """A price per million tokens, or per thousand requests, in the unit a `Rate` has."""
    value = vars(price).get(name)
    base = getattr(value, "base", value)  # of prices in tiers, the first
    return base / _THOUSAND if isinstance(base, Decimal) else None


def _count(value: Any) -> int:
    return value if type(value) is int and value > 0 else 0


def _cost(counts: Mapping[str, int], rates: Exact) -> Decimal | None:
    into, out = rates["input_per_1k"], rates["output_per_1k"]
    if into is None or out is None:
        return None
    cached = min(counts["cached_tokens"], counts["input_tokens"])
    cached_rate = rates["cached_input_per_1k"]
    tokens = (
        (counts["input_tokens"] - cached) * into
        + cached * (into if cached_rate is None else cached_rate)
        + counts["output_tokens"] * out
    )
    return tokens / _THOUSAND + counts["turn_count"] * (rates["per_request"] or Decimal(0))


def _number(value: Decimal | None) -> float | None:
    return None if value is None else float(value)
