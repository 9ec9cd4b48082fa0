"""What of a span's meaning is kept beside it."""

from __future__ import annotations

import msgspec

from commonhold.model.otel import Meaning, Operation


class Gist(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """What of a span's meaning is kept beside it: all but the texts.

    Stored as a JSON array: fields are only ever added at the end. `cost_nano` is billionths of a
    dollar. `is_ahead` marks a clock that was far in the future when the span came.
    """

    operation: Operation = ""
    input_tokens: int | None = None
    output_tokens: int | None = None
    agent: str = ""
    session_id: str | None = None
    user_id: str | None = None
    model: str | None = None
    provider: str | None = None
    cached_input: int | None = None
    cache_write: int | None = None
    reasoning: int | None = None
    cost_nano: int | None = None
    tool_name: str | None = None
    tool_call_id: str | None = None
    agent_id: str | None = None
    agent_version: str | None = None
    instance: str | None = None
    environment: str | None = None
    tags: tuple[str, ...] = ()
    is_ahead: bool = False
    is_error: bool = False

    @property
    def has_usage(self) -> bool:
        """Whether it says what was used: tokens, or what they cost."""
        has_tokens = self.input_tokens is not None or self.output_tokens is not None
        return has_tokens or self.cost_nano is not None


NO_GIST = Gist()

encode_gist = msgspec.json.Encoder().encode
decode_gist = msgspec.json.Decoder(Gist).decode


def gist_of(meaning: Meaning, cost_nano: int | None, *, is_ahead: bool) -> Gist:
    """What is kept of a meaning."""
    tokens = meaning.tokens
    return Gist(
        meaning.operation,
        tokens.input,
        tokens.output,
        meaning.agent,
        meaning.session_id,
        meaning.user_id,
        meaning.model,
        meaning.provider,
        tokens.cached_input,
        tokens.cache_write,
        tokens.reasoning,
        cost_nano,
        meaning.tool_name,
        meaning.tool_call_id,
        meaning.agent_id,
        meaning.agent_version,
        meaning.instance,
        meaning.environment,
        meaning.tags,
        is_ahead,
        meaning.is_error,
    )
