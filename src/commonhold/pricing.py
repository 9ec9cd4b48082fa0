"""Prices of models, and of what a session used. The only module that knows the price list."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from commonhold.model import opaque
from commonhold.model.usage import UNPRICED, Rate, Usage

if TYPE_CHECKING:
    from genai_prices.types import ModelPrice

_THOUSAND = Decimal(1000)
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
