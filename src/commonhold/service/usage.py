"""What a session used, and what that costs at list prices."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Any

from genai_prices import Usage, calc_price
from genai_prices.types import ModelPrice, TieredPrices

from commonhold.model import opaque

_THOUSAND = Decimal(1000)
_COUNTERS = ("input_tokens", "output_tokens", "cached_tokens", "turn_count")


@dataclass(frozen=True, slots=True)
class Rate:
    """US dollars per thousand tokens and per request; None where no price is known."""

    input_per_1k: Decimal | None = None
    output_per_1k: Decimal | None = None
    cached_input_per_1k: Decimal | None = None
    per_request: Decimal | None = None


UNKNOWN = Rate()


def usage(cost_data: str) -> dict[str, Any]:
    """The counters in `cost_data`, a JSON object, with their price.

    The price and the rates are null when the model has no known price: a zero would be a claim.
    Counters are sums over many requests, so that prices that depend on the size of one request
    are taken at their first tier.
    """
    data: Mapping[str, Any] = opaque.loads(cost_data, "cost_data")
    named = data.get("model")
    model = named if isinstance(named, str) else None
    counts = {name: _count(data.get(name)) for name in _COUNTERS}
    rate = UNKNOWN if model is None else rate_of(model)
    return {
        "model": model,
        **counts,
        "cost_usd": _number(_cost(counts, rate)),
        "pricing": {name: _number(getattr(rate, name)) for name in Rate.__slots__},
    }


@lru_cache(maxsize=256)
def rate_of(model: str) -> Rate:
    """The list price of a model, by its name alone or as `provider/name`."""
    provider, slash, name = model.partition("/")
    price = _find(model, None) or (_find(name, provider) if slash else None)
    if price is None:
        return UNKNOWN
    return Rate(
        input_per_1k=_per(price, "input_mtok"),
        output_per_1k=_per(price, "output_mtok"),
        cached_input_per_1k=_per(price, "cache_read_mtok"),
        per_request=_per(price, "requests_kcount"),
    )


def _find(model: str, provider: str | None) -> ModelPrice | None:
    try:
        found = calc_price(Usage(input_tokens=0, output_tokens=0), model, provider_id=provider)
    except Exception:  # noqa: BLE001 - whatever a name does to a price list, usage is still told
        return None
    return found.model_price


def _per(price: ModelPrice, name: str) -> Decimal | None:
    """A price per million tokens, or per thousand requests, in the unit a `Rate` has."""
    value = vars(price).get(name)
    base = value.base if isinstance(value, TieredPrices) else value
    return base / _THOUSAND if isinstance(base, Decimal) else None


def _count(value: Any) -> int:
    return value if type(value) is int and value > 0 else 0


def _cost(counts: Mapping[str, int], rate: Rate) -> Decimal | None:
    if rate.input_per_1k is None or rate.output_per_1k is None:
        return None
    cached = min(counts["cached_tokens"], counts["input_tokens"])
    cached_rate = (
        rate.input_per_1k if rate.cached_input_per_1k is None else rate.cached_input_per_1k
    )
    tokens = (
        (counts["input_tokens"] - cached) * rate.input_per_1k
        + cached * cached_rate
        + counts["output_tokens"] * rate.output_per_1k
    )
    return tokens / _THOUSAND + counts["turn_count"] * (rate.per_request or Decimal(0))


def _number(value: Decimal | None) -> float | None:
    return None if value is None else float(value)
