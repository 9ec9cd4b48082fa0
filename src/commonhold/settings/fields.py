"""A setting: one field that carries its own name, rule and sentence; read, and told again."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, TypeVar

from commonhold.errors import FieldError
from commonhold.settings.addresses import redact_url
from commonhold.settings.rules import RefusedError, Rule

T = TypeVar("T")

PREFIX = "COMMONHOLD_"


@dataclass(frozen=True, slots=True)
class Setting:
    """One documented setting: the field, the variable that sets it, and what it means."""

    name: str
    env: str
    default: str
    allowed: str
    doc: str


def setting(default: T, env: str, doc: str, rule: Rule, *, secret: bool = False) -> T:
    """A field of settings, set by the variable `env` behind the prefix."""
    metadata = {"env": PREFIX + env, "doc": doc, "rule": rule}
    return field(default=default, repr=not secret, metadata=metadata)


def read(
    kind: type[Any], flags: Mapping[str, str], environ: Mapping[str, str]
) -> tuple[dict[str, object], list[FieldError]]:
    """The values of the fields that are given, by `flags` or else by `environ`, and what is wrong."""
    values: dict[str, object] = {}
    errors: list[FieldError] = []
    for each in fields(kind):
        env, rule = each.metadata["env"], each.metadata["rule"]
        text = flags.get(each.name) or _variable(env, environ)
        if text is None:
            continue
        try:
            values[each.name] = rule.read(text)
        except RefusedError as error:
            errors.append(FieldError((env,), f"{text!r} {error}"))
        except ValueError:
            errors.append(FieldError((env,), _rejected(text, rule, each.name, flags)))
    return values, errors


def _variable(env: str, environ: Mapping[str, str]) -> str | None:
    text = environ.get(env, "").strip()
    # In a namespace with a service called commonhold, Kubernetes sets COMMONHOLD_PORT to
    # tcp://address:port in every pod, and so on for commonhold-otlp-grpc. It is not meant for us.
    if env.endswith("_PORT") and text.startswith(("tcp://", "udp://")):
        return None
    return text or None


def _rejected(text: str, rule: Rule, name: str, flags: Mapping[str, str]) -> str:
    source = f" (from --{name.replace('_', '-')})" if name in flags else ""
    # A URL with a typing error in it holds the same password, where nobody looks for one.
    url = re.match(r"\w+://", text)
    is_hidden = rule.is_secret or ("@" in text and not url)
    shown = "the value (not shown)" if is_hidden else repr(redact_url(text))
    return f"{shown}{source} is not valid; expected {rule.allowed}."


def described(settings: Any) -> Iterator[Setting]:
    """Every field of some settings, with its value there as text."""
    for each in fields(settings):
        value, rule = getattr(settings, each.name), each.metadata["rule"]
        text = "" if value is None else rule.show(value)
        yield Setting(each.name, each.metadata["env"], text, rule.allowed, each.metadata["doc"])
