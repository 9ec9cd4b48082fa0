"""Vote tokens: how they are asked for, and who comes with one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import msgspec

from commonhold.auth import vote_token
from commonhold.auth.vote_token import vote_token_of
from commonhold.contract.stores import Stores
from commonhold.errors import FieldError, Forbidden, InvalidRequest, Unsupported
from commonhold.http import bodies, schemas
from commonhold.http.binding import ByAuthor
from commonhold.http.call import Answer, Call, idempotency_key, reply
from commonhold.http.decode import decode, whole
from commonhold.http.operation import Body, Operation, Reply
from commonhold.model import clock
from commonhold.model.binding import trace_key
from commonhold.model.feedback import FeedbackPatch
from commonhold.model.scope import Scope
from commonhold.model.vote import USUAL_VOTE_TTL_S, VoteGrant, VoteTarget, vote_id

Keys = Callable[[], Awaitable[Sequence[bytes]]]
"""The keys of vote tokens: the first signs, all verify."""


class VoteBody(bodies.NewFeedbackBody):
    """A vote with a token. It may say what it is about, as long as that is what the token says."""

    message_id: str | None = None


_NEW = msgspec.json.Decoder(bodies.VoteTokenBody)
_VOTE = msgspec.json.Decoder(VoteBody)
_NOT_OF_A_PAGE = ("model_id", "latency_ms", "agent_type")


@dataclass(frozen=True, slots=True)
class VoteDesk:
    """Gives out vote tokens, and takes them back in: `keys` are None where there is none to sign.

    `check_tenant` raises where nobody of a tenant is let in any more.
    """

    bind: ByAuthor
    keys: Keys | None
    max_ttl_s: int
    check_tenant: Callable[[str], Awaitable[None]] | None = None

    async def admit(self, call: Call) -> Stores | None:
        """The stores of who comes with a vote token, with its grant; None for anybody else.

        Raises:
            InvalidToken: it is not one of ours.
            TokenExpired: its time is over.
            Forbidden: the path names another agent than the token, or its tenant is kept out.
        """
        token = vote_token_of(call.head)
        if token is None:
            return None
        keys = () if self.keys is None else await self.keys()
        grant = vote_token.verify(token, keys, clock.now())
        if call.agent not in (None, grant.scope.author.agent):
            raise Forbidden("This token was given by another agent than the path names.")
        if self.check_tenant is not None:
            await self.check_tenant(grant.scope.tenant)
        call.grant = grant
        return self.bind.stores_of(grant.scope)

    async def create_token(self, call: Call) -> Answer:
        """Answer with a token for one vote, given in the name of who asks for it."""
        body = decode(_NEW, call)
        target = VoteTarget(
            body.session_id, whole(body.turn, "turn"), body.message_id, body.trace_id
        )
        if self.keys is None:
            raise Unsupported("This service has no key to sign vote tokens with.")
        caller = call.grants.principal
        scope = Scope(caller.tenant, caller.stamp)
        ident = vote_id(scope.author, target, idempotency_key(call))
        expires_s = clock.now() // 1_000_000 + self._ttl_s(body)
        grant = VoteGrant(scope, target, ident, expires_s)
        token = vote_token.sign(grant, (await self.keys())[0])
        told = {
            "token": token,
            "expires_at": clock.to_rfc3339(grant.expires_at),
            "feedback_id": ident,
        }
        return reply(told, 201)

    def _ttl_s(self, body: bodies.VoteTokenBody) -> int:
        ttl_s = whole(body.ttl_s, "ttl_s")
        if ttl_s is None:
            return min(USUAL_VOTE_TTL_S, self.max_ttl_s)
        if 1 <= ttl_s <= self.max_ttl_s:
            return ttl_s
        rule = f"must be from 1 to {self.max_ttl_s} seconds"
        raise InvalidRequest(f"ttl_s {rule}.", errors=[FieldError(("ttl_s",), rule)])


def vote_operations(desk: VoteDesk) -> tuple[Operation, ...]:
    """The route of vote tokens."""
    return (
        Operation(
            "POST",
            "/v1/feedback/tokens",
            desk.create_token,
            {201: Reply("A token to give to a page.", (schemas.VoteToken,))},
            "Let a page without a credential give one vote",
            "feedback",
            action="feedback.token",
            errors=(501,),
            headers=("Idempotency-Key",),
            body=Body((bodies.VoteTokenBody,)),
            doc="Whoever sends the token as `Authorization: Bearer` may create that vote, read it"
            " and change it, and nothing else. It is about a turn of a session (`turn` from 0, or"
            " the `message_id` of a message in it), or about a trace. An `Idempotency-Key` that"
            " comes again gives a token for the same vote.",
            name="create_vote_token",
        ),
    )


def check_own(call: Call) -> None:
    """Check that who comes with a vote token asks for that vote.

    Raises:
        Forbidden: it is another one.
    """
    if call.grant is not None and call.key != call.grant.vote_id:
        raise Forbidden("This token is for one vote, and not for this one.")


def read_vote(call: Call, grant: VoteGrant) -> FeedbackPatch:
    """What a page says with its token.

    Raises:
        Forbidden: more than it may, or of something else; the detail says what is allowed.
    """
    body = decode(_VOTE, call)
    _check_body(body, grant)
    return FeedbackPatch(body.rating, body.comment, body.correction)


def _check_body(body: VoteBody, grant: VoteGrant) -> None:
    extra = [name for name in _NOT_OF_A_PAGE if getattr(body, name) is not None]
    if extra:
        raise Forbidden(
            f"With a vote token only rating, comment and correction are taken, not {extra[0]}."
        )
    target = grant.target
    same = {
        "session_id": (body.session_id or None, target.session_id),
        "turn_index": (whole(body.turn_index, "turn_index"), target.turn_index),
        "message_id": (body.message_id or None, target.message_id),
        "trace_id": (trace_key(body.trace_id or "") or None, trace_key(target.trace_id or "")),
    }
    wrong = next((name for name, (sent, own) in same.items() if sent not in (None, own)), None)
    if wrong is not None:
        raise Forbidden(f"This token is for {target}; {wrong} names another. It can be left out.")
