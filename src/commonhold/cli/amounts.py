"""Amounts as people read them: how long, how many tokens, how much money."""

from __future__ import annotations

from commonhold.model.trace import NANO

_CENT_OF_A_CENT = NANO // 10_000
_STEPS = ((1000, "k"), (10**6, "M"), (10**9, "G"))


def took(milliseconds: float | None) -> str:
    """A length of time with three figures or so: `812 ms`, `1.24 s`, `2 min 03 s`, `1 h 05 min`."""
    if milliseconds is None:
        return ""
    if 0 < milliseconds < 0.9995:
        return f"{milliseconds * 1000:.0f} µs"
    if milliseconds < 999.5:
        return f"{milliseconds:.3g} ms"
    if milliseconds < 59_950:
        return f"{milliseconds / 1000:.3g} s"
    seconds = round(milliseconds / 1000)
    if seconds < 3600:
        return f"{seconds // 60} min {seconds % 60:02} s"
    return f"{seconds // 3600:,} h {seconds % 3600 // 60:02} min"


def dollars(nano: int | None) -> str:
    """Money, of which small amounts are not nothing."""
    if nano is None:
        return ""
    if 0 < nano < _CENT_OF_A_CENT:
        return "<$0.0001"
    return f"${nano / NANO:,.{2 if nano >= 10 * NANO or not nano else 4}f}"


def short(count: int) -> str:
    """A count in five characters: `812`, `9,999`, `12.3k`, `4.5M`."""
    if count < 10_000:
        return f"{count:,}"
    size, unit = next(step for step in _STEPS if count < 999.5 * step[0] or step is _STEPS[-1])
    return f"{count / size:.3g}{unit}" if count < 999.5 * size else f"{count / size:,.0f}{unit}"


def tokens(into: int | None, out: int | None, *, exact: bool = False) -> str:
    """Tokens that went in and came out: `1,204/340`; what nobody told is a dash."""
    if into is None and out is None:
        return ""
    told = ("-" if each is None else f"{each:,}" if exact else short(each) for each in (into, out))
    return "/".join(told)


def counted(number: int, what: str) -> str:
    """How many of something: `1 span`, `12 spans`."""
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"
