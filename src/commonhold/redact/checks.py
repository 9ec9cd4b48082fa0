"""Numbers that check themselves."""

from __future__ import annotations

import re

_SEPARATORS = re.compile(r"[ -]")
_CARD_LENGTHS = {"2": (16,), "3": (14, 15), "4": (13, 16, 19), "5": (16,), "6": (16, 17, 18, 19)}


def is_card(text: str) -> bool:
    """Whether digits can be the number of a card: length by the first digit, and Luhn's check."""
    digits = _SEPARATORS.sub("", text)
    if len(digits) not in _CARD_LENGTHS.get(digits[:1], ()):
        return False
    doubled = [sum(divmod(2 * int(each), 10)) for each in digits[-2::-2]]
    return (sum(doubled) + sum(map(int, digits[-1::-2]))) % 10 == 0


def is_iban(text: str) -> bool:
    """Whether a text is an International Bank Account Number (ISO 13616: modulo 97)."""
    letters = text.replace(" ", "")
    number = "".join(str(int(each, 36)) for each in letters[4:] + letters[:4])
    return 15 <= len(letters) <= 34 and int(number) % 97 == 1
