"""All three surfaces, kept by one service."""

from __future__ import annotations

from commonhold.client import answers, requests
from commonhold.client.erasures import HttpErasures
from commonhold.client.feedback import HttpFeedback
from commonhold.client.sessions import HttpSessions
from commonhold.client.traces import HttpTraces
from commonhold.client.transport import Line, Transport
from commonhold.client.webhooks import HttpWebhooks
from commonhold.errors import Unsupported
from commonhold.model.scope import ANYONE, Scope


class HttpBackend:
    """`contract.stores.Backend` on a Commonhold service.

    `agent` is who this process is; a scope that names no agent writes as it.
    """

    def __init__(self, transport: Transport, *, agent: str = "", scope: Scope = ANYONE) -> None:
        self._transport = transport
        self._agent = agent
        line = Line(transport, requests.agent_prefix(scope.author.agent or agent))
        self.sessions = HttpSessions(line)
        self.traces = HttpTraces(line)
        self.feedback = HttpFeedback(line)
        self.webhooks = HttpWebhooks(line)
        self.erasures = HttpErasures(line)

    def bind(self, scope: Scope, /) -> HttpBackend:
        """The same connections, on behalf of the agent of `scope`.

        Raises:
            Unsupported: for another tenant, or for a user: a service takes both from the
                credential it is given, never from what a client says.
            InvalidRequest: no agent can have such a name.
        """
        if scope.tenant != ANYONE.tenant:
            raise _from_credential("tenant")
        if scope.author.user:
            raise _from_credential("user")
        return HttpBackend(self._transport, agent=self._agent, scope=scope)

    async def check(self) -> None:
        answers.done(await self._transport.send(requests.READY))

    async def aclose(self) -> None:
        await self._transport.aclose()


def _from_credential(what: str) -> Unsupported:
    return Unsupported(
        f"A service takes the {what} from the credential, not from its client: "
        f"connect with a credential of that {what} instead."
    )
