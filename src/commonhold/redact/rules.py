"""The rules, read from `rules.toml` once and checked."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import resources
from typing import Any

import msgspec

from commonhold.model.redaction import Group
from commonhold.redact.checks import is_card, is_iban
from commonhold.redact.look import ENCODED, ESCAPES, always, followed_by, look_for, named_by
from commonhold.redact.scan import END, Sure, fold

CHECKS: Mapping[str, Callable[[str], bool]] = {"luhn": is_card, "iban": is_iban}
"""What must be true of a match, beside its form."""

KEYS = "$keys"
MOST_NAME = 256
"""A longer name is text."""


class _Pattern(msgspec.Struct, forbid_unknown_fields=True):
    rule: str
    group: Group
    regex: str
    anchors: tuple[str, ...] = ()
    folded: tuple[str, ...] = ()
    then: str = ""
    check: str | None = None


class _File(msgspec.Struct, forbid_unknown_fields=True):
    keys: dict[str, tuple[str, ...]]
    patterns: tuple[_Pattern, ...]
    content: dict[str, frozenset[str]]


@dataclass(frozen=True, slots=True)
class Pattern:
    """What is redacted wherever it stands; `sees` tells fast that a text has none of it."""

    rule: str
    regex: re.Pattern[str]
    sees: Callable[[bytes, bytes], bool]
    check: Callable[[str], bool] | None


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules that are on. `sees` tells fast that a body, in any encoding, has nothing for them."""

    has_keys: bool
    patterns: tuple[Pattern, ...]
    sees: Callable[[bytes], bool]

    def of_name(self, name: str) -> str | None:
        """The rule for what stands under a name, if there is one."""
        return key_rule(name) if self.has_keys and len(name) <= MOST_NAME else None


@cache
def rules_of(groups: tuple[Group, ...]) -> Rules:
    """The rules of some groups."""
    chosen = [each for each in _file().patterns if each.group in groups]
    has_keys = "credentials" in groups
    patterns = tuple(map(_compiled, chosen))
    return Rules(has_keys, patterns, _sees_any(chosen, has_keys=has_keys))


def names() -> tuple[str, ...]:
    """Every rule there is, by its name."""
    found = (*_file().keys, *(each.rule for each in _file().patterns))
    return tuple(dict.fromkeys(each for each in found if each != "key"))


def kept_names() -> frozenset[str]:
    """Attributes whose texts are no content, beside those that the vocabularies name."""
    return _file().content["kept"]


@lru_cache(maxsize=8192)
def key_rule(name: str) -> str | None:
    """The rule for what stands under a name: by how it ends, after its last dot."""
    last = fold(name.encode("utf-8", "replace")).decode("utf-8", "replace").rpartition(".")[2]
    for rule, endings, whole in _keys():
        if last in whole or last.endswith(endings):
            return rule
    return None


@cache
def _file() -> _File:
    text = resources.files(__package__).joinpath("rules.toml").read_text(encoding="utf-8")
    return msgspec.convert(tomllib.loads(text), _File)


@cache
def _keys() -> Sequence[tuple[str, tuple[str, ...], frozenset[str]]]:
    return [
        (
            rule,
            tuple(each for name in said if name[0] != "=" for each in _spelt(name)),
            frozenset(name[1:] for name in said if name[0] == "="),
        )
        for rule, said in _file().keys.items()
    ]


def _spelt(name: str) -> tuple[str, ...]:
    """A name of several words, with and without what is between them."""
    return tuple(dict.fromkeys((name, name.replace("_", ""))))


def _key_anchors() -> list[str]:
    """What is in any folded body that has one of the names, each behind no other."""
    ends = [each + END for _, endings, whole in _keys() for each in (*endings, *whole)]
    return [each for each in ends if not any(each != one and each.endswith(one) for one in ends)]


def _compiled(pattern: _Pattern) -> Pattern:
    regex = re.compile(pattern.regex)
    check = None if pattern.check is None else CHECKS[pattern.check]
    return Pattern(pattern.rule, regex, _sees(pattern), check)


def _sees(pattern: _Pattern) -> Callable[[bytes, bytes], bool]:
    if not pattern.anchors and not pattern.folded:
        return lambda _plain, _folded: True
    exact = [each.encode() for each in pattern.anchors]
    folded = [each.encode() for each in _folded(pattern)]
    return lambda plain, told: (
        any(each in plain for each in exact) or any(each in told for each in folded)
    )


def _folded(pattern: _Pattern) -> list[str]:
    """Its folded anchors, with the names where it asks for them."""
    given = [each for each in pattern.folded if each != KEYS]
    return [*given, *(_key_anchors() if KEYS in pattern.folded else ())]


def _sees_any(patterns: Sequence[_Pattern], *, has_keys: bool) -> Callable[[bytes], bool]:
    if any(not each.anchors and not each.folded for each in patterns):
        return lambda _: True
    in_texts: dict[str, Sure] = {}
    in_names: dict[str, Sure] = dict.fromkeys([*ESCAPES, ENCODED], always)
    for each in patterns:
        is_sure = followed_by(each.then)
        in_texts.update(dict.fromkeys(each.anchors, is_sure))
        in_names.update({name: is_sure for name in each.folded if name != KEYS})
    if has_keys:
        in_names.update(dict.fromkeys(_key_anchors(), named_by(key_rule)))
    return look_for(in_texts, in_names)


def replaced(match: re.Match[str], marker: str) -> str:
    """A match with a marker in the place of what is secret in it."""
    if "secret" not in match.re.groupindex:
        return marker
    text, start = match[0], match.start()
    return text[: match.start("secret") - start] + marker + text[match.end("secret") - start :]


def marker_of(rule: str) -> str:
    """What stands where something was redacted."""
    return f"[redacted:{rule}]"


_MARKER = re.compile(r"\[redacted:[a-z_]{1,32}\]")


def is_marker(value: Any) -> bool:
    """Whether a text is what stands where something was redacted, and nothing else."""
    return isinstance(value, str) and _MARKER.fullmatch(value) is not None
