"""Answers that are not what was asked for: the error each of them stands for. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import msgspec

from commonhold.client.shapes import ProblemShape
from commonhold.errors import (
    CommonholdError,
    Forbidden,
    Internal,
    PayloadTooLarge,
    Unauthenticated,
    Unavailable,
    from_problem,
)
from commonhold.model import clock

_PROBLEM = msgspec.json.Decoder(ProblemShape)
_LOST = "An earlier attempt, whose answer was lost, may have been what did it."


@dataclass(frozen=True, slots=True)
class Answer:
    """A response. Header names are lower case; `source` is the service as people may see it.

    `in_doubt` says that an earlier attempt of the same call may have been carried out, although
    its answer never arrived.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    source: str
    in_doubt: bool = False

    @property
    def is_success(self) -> bool:
        """Whether it is a 2xx."""
        return 200 <= self.status < 300


def error_of(answer: Answer) -> CommonholdError:
    """The error an answer stands for: of the service itself, or of something on the way to it."""
    problem = problem_of(answer)
    if problem is None:
        return foreign(answer)
    fields = msgspec.structs.asdict(problem)
    fields["errors"] = [msgspec.structs.asdict(field) for field in problem.errors]
    fields["retry_after_seconds"] = problem.retry_after_seconds or _whole(retry_after_s(answer))
    notes = [problem.detail or ""]
    if answer.status >= 500 and answer.status != 503 and problem.instance:
        notes.append(f"Request id: {problem.instance}.")
    if answer.in_doubt and answer.status in (409, 412):
        notes.append(_LOST)
    return from_problem(answer.status, {**fields, "detail": " ".join(filter(None, notes))})


def problem_of(answer: Answer) -> ProblemShape | None:
    """The problem document of a Commonhold service; None when something else answered."""
    try:
        return _PROBLEM.decode(answer.body)
    except (ValueError, RecursionError):
        return None


def foreign(answer: Answer) -> CommonholdError:
    """What did not come from a Commonhold service: a proxy, a gateway, or another program."""
    status = answer.status
    said = f"{answer.source} answered {status}, and not as a Commonhold service does"
    if status == 401:
        return Unauthenticated(f"{said}: something in front of it wants another credential.")
    if status == 403:
        return Forbidden(f"{said}: something in front of it forbids this.")
    if status == 413:
        return PayloadTooLarge(f"{said}: something in front of it has a smaller size limit.")
    if status in (408, 429, 502, 503, 504):
        wait = _whole(retry_after_s(answer))
        return Unavailable(
            f"{said}: something in front of it cannot pass calls on.", retry_after_s=wait
        )
    if 300 <= status < 400:
        return Unavailable(f"{said}: it points to {_elsewhere(answer)}. Use that URL instead.")
    if status >= 500:
        return Internal(f"{said}: it failed.")
    return Unavailable(f"{said}. Check the URL, its path included.")


def surprise(answer: Answer, reason: object) -> Internal:
    """A success that cannot be read: the two sides do not speak the same version."""
    said = f"{answer.source} answered {answer.status} with something this client cannot read"
    return Internal(f"{said}: {reason}. Use the same version on both sides.")


def retry_after_s(answer: Answer) -> float | None:
    """Seconds of `Retry-After`, which is a number or a date."""
    text = answer.headers.get("retry-after", "").strip()
    if text.isdecimal() and len(text) < 10:
        return float(text)
    try:
        at = clock.from_datetime(parsedate_to_datetime(text))
    except (ValueError, TypeError, OverflowError):
        return None
    return max(0.0, (at - clock.now()) / 1e6)


def _whole(seconds: float | None) -> int | None:
    return None if seconds is None else max(1, round(seconds))


def _elsewhere(answer: Answer) -> str:
    try:
        parts = urlsplit(answer.headers.get("location", ""))
    except ValueError:
        return "an address that cannot be read"
    # Only what cannot hold a credential: a login redirect carries tokens in its query.
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}{parts.path}" if host else parts.path or "nowhere"
