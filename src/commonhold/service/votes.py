"""A vote that a grant allows: given once, and changed from then on."""

from __future__ import annotations

from dataclasses import replace

from commonhold.contract.feedback import Feedback
from commonhold.errors import Conflict, FieldError, InvalidRequest
from commonhold.model.feedback import ANONYMOUS, FeedbackPatch, NewFeedback
from commonhold.model.feedback import Feedback as Record
from commonhold.model.score import NewScore, Score, score_of, thumb_of
from commonhold.model.vote import VoteGrant


async def cast(feedback: Feedback, grant: VoteGrant, said: FeedbackPatch) -> Record:
    """Give the vote, or change it: what is left out then stays as it is.

    Raises:
        InvalidRequest: it has no rating.
        Conflict: the id of the vote is another author's.
    """
    found = await feedback.find_score(grant.vote_id)
    if found is None:
        new = _new(grant, said)
        try:
            [score] = await feedback.put_scores([new])
        except Conflict:
            # Two came at once, and the other one was first.
            found = await feedback.get_score(grant.vote_id)
        else:
            return thumb_of(score)
    _check_author(found, grant)
    return await feedback.patch(found.superseded_by or found.score_id, said)


def _new(grant: VoteGrant, said: FeedbackPatch) -> NewScore:
    if said.rating is None:
        rule = "must be the integer 1 (up) or -1 (down)"
        raise InvalidRequest(f"rating {rule}.", errors=[FieldError(("rating",), rule)])
    thumb = NewFeedback(said.rating, comment=said.comment, correction=said.correction)
    target = grant.target
    return replace(
        score_of(thumb),
        score_id=grant.vote_id,
        session_id=target.session_id,
        turn_index=target.turn_index,
        message_id=target.message_id,
        trace_id=target.trace_id,
    )


def _check_author(found: Score, grant: VoteGrant) -> None:
    author = grant.scope.author
    if (found.author, found.user_id) != (author.agent, author.user or ANONYMOUS):
        raise Conflict(f"Feedback {found.score_id} is another author's. Ask for a new token.")
