"""How the text of a setting is read, and what is said when it cannot be."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_network
from typing import get_args

from commonhold.model.redaction import GROUPS
from commonhold.model.scope import Sharing

MIB = 1024 * 1024
_UNITS = {"": 1, "kib": 1024, "mib": MIB, "gib": 1024 * MIB}
_TRUE = ("true", "1", "yes", "on")
_FALSE = ("false", "0", "no", "off")


@dataclass(frozen=True, slots=True)
class Rule:
    """How the text of a setting is read and written. `allowed` completes "expected ...".

    One that `is_secret` is never quoted.
    """

    read: Callable[[str], object]
    allowed: str
    show: Callable[[object], str] = str
    is_secret: bool = False


def choice(*names: str) -> Rule:
    """One of a few words."""

    def read(text: str) -> str:
        if text.lower() not in names:
            raise ValueError(text)
        return text.lower()

    return Rule(read, "one of " + ", ".join(f"`{name}`" for name in names))


def count(least: int, most: int) -> Rule:
    """A whole number within bounds."""

    def read(text: str) -> int:
        value = int(text)
        if not least <= value <= most:
            raise ValueError(text)
        return value

    return Rule(read, f"a whole number from {least} to {most}")


def _read_size(text: str) -> int:
    match = re.fullmatch(r"(\d+)\s*([kmg]ib)?", text.lower())
    if match is None or int(match[1]) < 1:
        raise ValueError(text)
    return int(match[1]) * _UNITS[match[2] or ""]


def _show_size(value: object) -> str:
    mebibytes, rest = divmod(int(str(value)), MIB)
    return str(value) if rest else f"{mebibytes}MiB"


def _read_flag(text: str) -> bool:
    if text.lower() in _TRUE:
        return True
    if text.lower() in _FALSE:
        return False
    raise ValueError(text)


def _read_seconds(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 3600:
        raise ValueError(text)
    return value


def _read_database(text: str) -> str:
    if text.partition(":")[0] not in ("sqlite", "postgresql", "postgres"):
        raise ValueError(text)
    return text


def _read_maintenance(text: str) -> str:
    if text and text.partition(":")[0] not in ("postgresql", "postgres"):
        raise ValueError(text)
    return text


def _read_collector(text: str) -> str:
    if text and text.partition(":")[0].lower() not in ("http", "https"):
        raise ValueError(text)
    return text


def _read_host(text: str) -> str:
    if any(part in text for part in ("/", " ", "@")):
        raise ValueError(text)
    return text.strip("[]")


def _read_networks(text: str) -> str:
    found = text.replace(",", " ").split()
    for each in found:
        if not re.fullmatch(r"[A-Za-z0-9._:-]+(/[0-9]{1,3})?", each):
            raise ValueError(text)
        if "/" in each:
            ip_network(each, strict=False)
    return " ".join(found)


class RefusedError(ValueError):
    """A value that is refused for a reason of its own: the message goes on from the value."""


SECRET_BYTES = 32
_SCHEMES = {"http": 80, "https": 443}
_ORIGIN = re.compile(r"(https?)://([a-z0-9.-]+|\[[0-9a-f:.]+\])(?::([0-9]{1,5}))?")


def _read_origins(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(_read_origin(each.strip()) for each in text.split(",")))


def _read_origin(text: str) -> str:
    """An origin as browsers write it: no default port, nothing after the host."""
    if "*" in text:
        raise RefusedError(
            "would let the pages of everybody in; name each origin, such as `https://app.example`."
        )
    match = _ORIGIN.fullmatch(text.lower())
    if match is None:
        raise ValueError(text)
    scheme, host, port = match.groups()
    is_usual = port is None or int(port) == _SCHEMES[scheme]
    return f"{scheme}://{host}" if is_usual else f"{scheme}://{host}:{int(port)}"


def _read_secrets(text: str) -> tuple[str, ...]:
    secrets = tuple(each.strip() for each in text.split(","))
    if any(len(each.encode()) < SECRET_BYTES for each in secrets):
        raise ValueError
    return secrets


def _read_audiences(text: str) -> tuple[str, ...]:
    audiences = tuple(each.strip() for each in text.split(","))
    if not all(each and each.isprintable() for each in audiences):
        raise ValueError(text)
    return audiences


def _joined(value: object) -> str:
    return ",".join(value) if isinstance(value, tuple) else str(value)


MODES = ("keys", "oidc", "gateway")
_NAMES_OF_MODES = {"keycloak": "oidc"}


def _read_auth(text: str) -> str:
    """Modes, in our own order: what is combined is the same however it is written."""
    given = {each.strip() for each in text.lower().split(",")}
    found = {_NAMES_OF_MODES.get(each, each) for each in given}
    if found == {"none"}:
        return "none"
    if not found <= set(MODES):
        raise ValueError(text)
    return ",".join(each for each in MODES if each in found)


def _read_groups(text: str) -> tuple[str, ...]:
    if text.lower() == "none":
        return ()
    names = {each.strip() for each in text.lower().split(",")}
    if not names.issubset(GROUPS):
        raise ValueError(text)
    return tuple(each for each in GROUPS if each in names)


REDACT = Rule(
    _read_groups,
    f"{' and '.join(f'`{each}`' for each in GROUPS)}, with commas between, or `none`",
    lambda value: _joined(value) or "none",
)
AUTH = Rule(
    _read_auth,
    "`none` alone, or some of `keys`, `oidc` and `gateway`, with commas between",
)
ISSUERS = Rule(str, "the path of a TOML or JSON file, or that JSON itself, or nothing")
AUDIENCES = Rule(
    _read_audiences,
    "values of `aud` such as `weather,planner`, with commas between, or nothing",
    _joined,
)
PATH = Rule(str, "the path of a file, or nothing")
DATABASE = Rule(_read_database, "`sqlite:///file.db` or `postgresql://user:password@host/name`")
MAINTENANCE = Rule(_read_maintenance, "`postgresql://user:password@host/name`, or nothing")
COLLECTOR = Rule(_read_collector, "`http://host:4318` or `https://host:4318`, or nothing")
HOST = Rule(_read_host, "a host name or an address, such as `127.0.0.1` or `::1`")
SIZE = Rule(_read_size, "a size in bytes above zero, or such as `64MiB`", _show_size)
FLAG = Rule(_read_flag, "`true` or `false`", lambda value: str(value).lower())
SECONDS = Rule(_read_seconds, "seconds from 0 to 3600", lambda value: f"{value:g}")
TEXT = Rule(str, "a URL that `commonhold.connect` understands")
NETWORKS = Rule(
    _read_networks, "host names, addresses or networks such as `10.0.0.0/8`, separated by commas"
)
NAME = Rule(str, "the name of an agent")
SIGNING = Rule(
    _read_secrets,
    f"secrets of {SECRET_BYTES} bytes or more with commas between: the first signs, all verify",
    _joined,
    is_secret=True,
)
ORIGINS = Rule(
    _read_origins, "origins such as `https://app.example`, with commas between, or nothing", _joined
)
SECRET = Rule(str, "the credential as it was issued")
SHARING = choice(*get_args(Sharing))
LEVELS = choice("debug", "info", "warning", "error")
