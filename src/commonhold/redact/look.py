"""The quick look at a body as it came, in whatever encoding: false is certain, true may be wrong."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from commonhold.redact.scan import END, Sure, fold, scan_for

ESCAPES = tuple(
    f"{END}u{code}" for code in ("004", "005", "006", "007", "002b", "002d", "002f", "003d")
)
"""How letters and `_`, `+`, `-`, `/`, `=` begin where JSON spells them as escapes: behind one,
anything may stand."""

ENCODED = f"bytesvalue{END}"
"""What says in OTLP JSON that a text is base64, and so tells nothing of what is in it."""

_BEFORE = 32
"""Bytes before the end of a name that say whether it is one: more than the longest there is."""

_RUN = re.compile(rb"[a-z0-9_]*\Z")

_A_TEXT_FOLLOWS = re.compile(
    rb"""
      \x12 [\x80-\xff]{0,4} [\x00-\x7f] [\x0a\x2a\x3a]     # protobuf: a text, a list or bytes
    | \x0a [\x80-\xff]{0,4} [\x00-\x7f] \x0a               # the next member of {"name": "token", ...
    | \\+ u00                                              # an escape, behind which anything may be
    | (?: [\s"'] | \\+[nrt]? )*+
      (?: }                                                # or of {"value": ..., "name": "token"}
        | , (?: \s | \\+[nrt] )*+ [\\"']+ [^\\"']{1,256} [\\"']+ \s*+ :
        | [:=] (?: \s | \\+[nrt] )*+
          (?: [\\"'[] | (?i: basic | digest | negotiate | token | apikey ) \  ) )
    """,
    re.VERBOSE,
)
"""From the end of a name on: its value is a text or a list, or the name is one of a pair's members."""


def always(_data: bytes, _start: int, _end: int) -> bool:
    """Whether what looks like something is to be taken for it: yes."""
    return True


def followed_by(then: str) -> Sure:
    """What is sure where an expression matches what comes next."""
    if not then:
        return always
    regex = re.compile(then.encode())
    return lambda data, _start, end: regex.match(data, end) is not None


def named_by(rule_of: Callable[[str], str | None]) -> Sure:
    """What is sure where a name that has a rule ends, and a text comes next."""

    def is_named(data: bytes, start: int, end: int) -> bool:
        if _A_TEXT_FOLLOWS.match(data, end - 1) is None:
            return False
        run = _RUN.search(fold(data[max(0, start - _BEFORE) : end - 1]))
        return run is not None and rule_of(run[0].decode()) is not None

    return is_named


def look_for(in_texts: Mapping[str, Sure], in_names: Mapping[str, Sure]) -> Callable[[bytes], bool]:
    """A look for texts that are spelt just so, and for others in the spelling of names."""
    sees_texts, sees_names = scan_for(in_texts), scan_for(in_names)
    return lambda data: sees_texts(data, data) or sees_names(data, fold(data))
