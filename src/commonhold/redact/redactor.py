"""What the rules find in texts and values is replaced by a marker that says what it was."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from functools import partial
from typing import Any

import msgspec

from commonhold.model.opaque import JsonText
from commonhold.redact.rules import Pattern, Rules, is_marker, marker_of, replaced
from commonhold.redact.scan import fold

SHORTEST = 6
"""Characters below which a text can be nothing that a pattern finds."""

_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode


class Redactor:
    """Rules at work on one write. `found` counts what was replaced, by rule.

    What has nothing to be replaced comes back as the same object.
    """

    __slots__ = ("_rules", "found")

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self.found: Counter[str] = Counter()

    def sees(self, data: bytes) -> bool:
        """Whether there may be anything in a body: false is certain."""
        return self._rules.sees(data)

    def text(self, text: str) -> str:
        """A text of any kind; one that is JSON stays JSON."""
        if len(text) < SHORTEST:
            return text
        raw = text.encode("utf-8", "surrogatepass")
        return self._looked(text, raw) if self._rules.sees(raw) else text

    def json(self, text: str) -> JsonText:
        """JSON text: as it came where nothing is found, else written anew."""
        raw = text.encode("utf-8", "surrogatepass")
        if not self._rules.sees(raw):
            return JsonText(text)
        found = self._structured(text)
        return JsonText(self._patterned(text, raw) if found is None else found)

    def named(self, name: str, text: str) -> str:
        """A text that stands under a name."""
        return str(self._value(text, self._rules.of_name(name)))

    def value(self, value: Any) -> Any:
        """A value of JSON or of attributes: numbers and truths stay, names stay."""
        return self._value(value, None)

    def _looked(self, text: str, raw: bytes) -> str:
        if text.lstrip(" \t\r\n")[:1] in ("{", "["):
            found = self._structured(text)
            if found is not None:
                return found
        return self._patterned(text, raw)

    def _structured(self, text: str) -> str | None:
        """JSON text, by what it means; None where that cannot be read."""
        try:
            value = _decode(text)
            told = self._value(value, None)
            return text if told is value else _encode(told).decode()
        except (ValueError, RecursionError):
            return None

    def _patterned(self, text: str, raw: bytes) -> str:
        folded = fold(raw)
        for pattern in self._rules.patterns:
            if pattern.sees(raw, folded):
                text = pattern.regex.sub(partial(self._marked, pattern), text)
        return text

    def _marked(self, pattern: Pattern, match: re.Match[str]) -> str:
        rule: str | None = pattern.rule
        if "name" in match.re.groupindex:
            rule = self._rules.of_name(match["name"])
        told = match["secret"] if "secret" in match.re.groupindex else match[0]
        if rule is None or is_marker(told) or (pattern.check and not pattern.check(told)):
            return str(match[0])
        return replaced(match, self._counted(rule))

    def _counted(self, rule: str) -> str:
        self.found[rule] += 1
        return marker_of(rule)

    def _value(self, value: Any, rule: str | None) -> Any:
        if isinstance(value, str):
            return self.text(value) if rule is None else self._hidden(value, rule)
        if isinstance(value, Mapping):
            return self._mapping(value)
        if isinstance(value, list | tuple):
            told = [self._value(each, rule) for each in value]
            is_same = all(one is other for one, other in zip(told, value, strict=True))
            return value if is_same else told
        return self._bytes(value, rule) if isinstance(value, bytes) else value

    def _hidden(self, text: str, rule: str) -> str:
        """A text whose name says that it is secret."""
        return self._counted(rule) if text and not is_marker(text) else text

    def _mapping(self, members: Mapping[str, Any]) -> Mapping[str, Any]:
        paired = _name_in_pair(members)
        told: dict[str, Any] = {}
        is_same = True
        for name, value in members.items():
            rule = self._rules.of_name(paired if paired and name == "value" else name)
            said, inner = self.text(name), self._value(value, rule)
            is_same = is_same and said is name and inner is value
            told[said] = inner
        return members if is_same else told

    def _bytes(self, data: bytes, rule: str | None) -> bytes:
        text = data.decode("latin-1")
        told = self.text(text) if rule is None else self._hidden(text, rule)
        return data if told is text else told.encode("latin-1")


def _name_in_pair(members: Mapping[str, Any]) -> str | None:
    """The name in `{"name": …, "value": …}`, which is how headers are often listed."""
    if "value" not in members:
        return None
    name = members.get("name", members.get("key"))
    return name if isinstance(name, str) else None
