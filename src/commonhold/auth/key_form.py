"""The form of a key: `chk_<kind>_<12 key id>_<43 secret>_<6 check>`, base 62.

It selects as one word, and a scanner knows it by its prefix and its check. The check guards
nothing: it only spares a look-up for a key that was mistyped or cut off.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import string
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from commonhold.model.key import Preset

PREFIX = "chk_"
_DIGITS = string.digits + string.ascii_uppercase + string.ascii_lowercase
_ID, _SECRET, _CHECK = 12, 43, 6
LEAST_PEPPER_BYTES = 32

KINDS: Mapping[Preset, str] = {
    "agent": "agent",
    "agent-obo": "obo",
    "ingest": "ingest",
    "feedback-ingest": "feedback",
    "viewer": "viewer",
    "operator": "operator",
    "platform-admin": "platform",
}
"""The word in a key that says what it is for, by preset."""

PATTERN = re.compile(
    rf"{PREFIX}(?:{'|'.join(KINDS.values())})_[0-9A-Za-z]{{{_ID}}}_[0-9A-Za-z]{{{_SECRET}}}"
    rf"_[0-9A-Za-z]{{{_CHECK}}}"
)


_KEY_ID = re.compile(rf"[0-9A-Za-z]{{{_ID}}}")


@dataclass(frozen=True, slots=True)
class Minted:
    """A new key: its id, and the text that is shown once."""

    key_id: str
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Pepper:
    """A secret of the service, without which the digests in its database say nothing."""

    value: bytes = field(repr=False)
    pepper_id: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "pepper_id", self.digest("the id of this pepper").hex()[:12])

    def digest(self, key: str) -> bytes:
        """What is stored of a key."""
        return hmac.digest(self.value, key.encode(), hashlib.sha256)


def mint(preset: Preset) -> Minted:
    """A new key of that preset, with 256 bits that nobody can guess."""
    key_id = "".join(secrets.choice(_DIGITS) for _ in range(_ID))
    secret = "".join(secrets.choice(_DIGITS) for _ in range(_SECRET))
    body = f"{PREFIX}{KINDS[preset]}_{key_id}_{secret}"
    return Minted(key_id, f"{body}_{_check(body)}")


def key_id_of(text: str) -> str | None:
    """The id in a key; None when it is none, or mistyped."""
    is_one = PATTERN.fullmatch(text) is not None
    body, _, check = text.rpartition("_")
    return text.split("_")[2] if is_one and check == _check(body) else None


def is_key_id(text: str) -> bool:
    """Whether that could be the id of a key."""
    return _KEY_ID.fullmatch(text) is not None


def _check(body: str) -> str:
    rest, digits = zlib.crc32(body.encode()), ""
    for _ in range(_CHECK):
        rest, digit = divmod(rest, len(_DIGITS))
        digits = _DIGITS[digit] + digits
    return digits
