"""The one stage that everything passes on its way into a store: what it does for one write."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from commonhold.model.opaque import JsonText
from commonhold.model.otel import OtelSpan, Rejected, Request
from commonhold.model.redaction import Group, Policy
from commonhold.redact.records import Records
from commonhold.redact.redactor import Redactor
from commonhold.redact.rules import rules_of

NO_RULES: tuple[Group, ...] = ()


def _nobody(found: Mapping[str, int], /) -> None:
    """Who is told of nothing."""


@dataclass(frozen=True, slots=True)
class Redaction:
    """How what is written is redacted.

    `policy_of` is asked for the policy of a tenant on every write, `observe` is told what was
    replaced, by rule, and `decode` reads a request that has something to be replaced.
    """

    policy_of: Callable[[str], Awaitable[Policy]]
    decode: Callable[[Request], tuple[list[OtelSpan], Rejected]]
    observe: Callable[[Mapping[str, int]], None] = _nobody


class Stage:
    """The stage as one tenant has it."""

    __slots__ = ("_redaction", "_tenant")

    def __init__(self, redaction: Redaction, tenant: str) -> None:
        self._redaction = redaction
        self._tenant = tenant

    async def begin(self) -> Work:
        """Begin one write, by the policy of now."""
        return Work(self._redaction, await self._redaction.policy_of(self._tenant))


class Work:
    """What is done to one write. `done` tells what was replaced, once it is written."""

    __slots__ = ("_redaction", "_redactor", "drops_content")

    def __init__(self, redaction: Redaction, policy: Policy) -> None:
        self._redaction = redaction
        groups = NO_RULES if policy.capture == "full" else policy.groups
        self._redactor = Redactor(rules_of(groups))
        self.drops_content = policy.capture == "none"

    def text(self, text: str | None, most: int | None = None) -> str | None:
        """A text that may be missing; one that a marker made longer than it may be is cut."""
        if text is None:
            return None
        told = self._redactor.text(text)
        return told if told is text else told[:most]

    def json(self, text: str) -> JsonText:
        """JSON text."""
        return self._redactor.json(text)

    def messages(self, texts: Sequence[str]) -> Sequence[str]:
        """Messages as JSON text: looked at together, since nearly always there is nothing."""
        if not self._redactor.sees("\n".join(texts).encode("utf-8", "surrogatepass")):
            return texts
        return [self._redactor.json(each) for each in texts]

    def patch(self, patch: Mapping[str, Any] | str) -> Mapping[str, Any] | str:
        """An object of JSON, as text or as a mapping."""
        if isinstance(patch, str):
            return self._redactor.json(patch)
        told: Mapping[str, Any] = self._redactor.value(patch)
        return told

    def passes(self, body: bytes) -> bool:
        """Whether a request can go on as it is: there is certainly nothing to be replaced."""
        return not self.drops_content and not self._redactor.sees(body)

    def decoded(self, request: Request) -> tuple[list[OtelSpan], Rejected]:
        """The spans of a request, redacted, and those that cannot be taken.

        Raises:
            MalformedBody: it is not what it says.
        """
        spans, rejected = self._redaction.decode(request)
        return self.records().spans(spans), rejected

    def records(self) -> Records:
        """What redacts the records of one request."""
        return Records(self._redactor, drops_content=self.drops_content)

    def done(self) -> None:
        """Tell what was replaced."""
        if self._redactor.found:
            self._redaction.observe(self._redactor.found)
