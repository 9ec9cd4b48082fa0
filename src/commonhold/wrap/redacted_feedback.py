"""Feedback, redacted on its way in: what was said, and not the names of things."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from commonhold.contract.feedback import Feedback
from commonhold.model.feedback import MAX_TEXT, FeedbackPatch, NewFeedback
from commonhold.model.feedback import Feedback as Record
from commonhold.model.ids import MAX_ID
from commonhold.model.score import NewScore, Score, ScorePatch
from commonhold.wrap.redaction import Stage, Work


class RedactedFeedback:
    """`contract.feedback.Feedback` whose writes are redacted; what only reads is the store's own."""

    def __init__(self, inner: Feedback, stage: Stage) -> None:
        self._inner = inner
        self._stage = stage
        self.find, self.get, self.list, self.stats = inner.find, inner.get, inner.list, inner.stats
        self.find_score, self.get_score = inner.find_score, inner.get_score
        self.scores, self.score_stats = inner.scores, inner.score_stats
        self.delete, self.delete_score = inner.delete, inner.delete_score

    async def create(self, new: NewFeedback, /) -> Record:
        work = await self._stage.begin()
        made = await self._inner.create(_vote(work, new))
        work.done()
        return made

    async def patch(self, feedback_id: str, patch: FeedbackPatch, /) -> Record:
        work = await self._stage.begin()
        told = replace(
            patch,
            comment=work.text(patch.comment, MAX_TEXT),
            correction=work.text(patch.correction, MAX_TEXT),
        )
        changed = await self._inner.patch(feedback_id, told)
        work.done()
        return changed

    async def put_scores(
        self, new: Sequence[NewScore], /, *, key: str | None = None
    ) -> tuple[Score, ...]:
        work = await self._stage.begin()
        kept = await self._inner.put_scores([_score(work, each) for each in new], key=key)
        work.done()
        return kept

    async def patch_score(self, score_id: str, patch: ScorePatch, /) -> Score:
        work = await self._stage.begin()
        changed = await self._inner.patch_score(score_id, _patch(work, patch))
        work.done()
        return changed


def _vote(work: Work, new: NewFeedback) -> NewFeedback:
    comment, correction = work.text(new.comment, MAX_TEXT), work.text(new.correction, MAX_TEXT)
    return replace(new, comment=comment, correction=correction)


def _score(work: Work, new: NewScore) -> NewScore:
    return replace(
        new,
        label=work.text(new.label, MAX_ID),
        comment=work.text(new.comment, MAX_TEXT),
        correction=work.text(new.correction, MAX_TEXT),
        error=work.text(new.error, MAX_TEXT),
        metadata=work.json(new.metadata),
        value_json=None if new.value_json is None else work.json(new.value_json),
    )


def _patch(work: Work, patch: ScorePatch) -> ScorePatch:
    return replace(
        patch,
        label=work.text(patch.label, MAX_ID),
        comment=work.text(patch.comment, MAX_TEXT),
        correction=work.text(patch.correction, MAX_TEXT),
        metadata=None if patch.metadata is None else work.json(patch.metadata),
        value_json=None if patch.value_json is None else work.json(patch.value_json),
    )
