"""The connections to one service. The only module that knows the HTTP library."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import count

import httpx2

from commonhold._version import __version__
from commonhold.client.address import Address, bearer
from commonhold.client.call import Call
from commonhold.client.problems import Answer, error_of, problem_of, retry_after_s
from commonhold.client.retry import Retry
from commonhold.errors import Closed, InvalidRequest, Unavailable
from commonhold.model import clock
from commonhold.model.acting import user_token

log = logging.getLogger("commonhold.client")

# Below the five seconds after which common servers drop an idle connection: a call must not be
# sent on one that is just being closed.
_IDLE_S = 4.0
_CONNECTIONS = 100

SILENCE_S = 45.0
"""How long a stream may be silent, in seconds: the service sends a sign of life every fifteen."""

Network = httpx2.AsyncBaseTransport
"""What turns a request into a response."""

_UNSENT = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout)


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long one attempt may take, in seconds: to connect, per read or write, and to queue.

    `pool_s` bounds the wait for a free connection when all of them are in use.
    """

    connect_s: float = 5.0
    read_s: float = 30.0
    write_s: float = 30.0
    pool_s: float = 30.0


class _Failed(Exception):
    """An attempt without an answer. `unsent` says that the service cannot have seen it."""

    def __init__(self, error: Unavailable, *, unsent: bool, lasting: bool) -> None:
        super().__init__(error.detail)
        self.error = error
        self.unsent = unsent
        self.lasting = lasting


class Transport:
    """Sends calls to one service, again where that is harmless.

    `network` replaces the network: an ASGI application in the same process, for example.
    """

    def __init__(
        self,
        address: Address,
        *,
        timeouts: Timeouts,
        retry: Retry,
        network: Network | None = None,
    ) -> None:
        self._address = address
        self._retry = retry
        self._timeouts = timeouts
        self._closed = False
        self._pending = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._client = httpx2.AsyncClient(
            headers=_headers(address),
            timeout=httpx2.Timeout(
                connect=timeouts.connect_s,
                read=timeouts.read_s,
                write=timeouts.write_s,
                pool=timeouts.pool_s,
            ),
            limits=httpx2.Limits(
                max_connections=_CONNECTIONS,
                max_keepalive_connections=_CONNECTIONS,
                keepalive_expiry=_IDLE_S,
            ),
            follow_redirects=False,
            transport=network,
        )

    @property
    def authorization(self) -> str | None:
        """The header with our own credential, if we have one."""
        return self._address.authorization

    async def send(self, call: Call, prefix: str = "") -> Answer:
        """The answer to `call`, whatever its status; `prefix` goes between URL and target.

        Raises:
            Unavailable: there is no answer.
            Closed: after `aclose`.
        """
        in_doubt = False
        begun_s = clock.monotonic()
        with self._in_flight():
            for attempt in count(1):
                try:
                    answer = await self._attempt(call, prefix)
                except _Failed as failed:
                    wait_s = self._wait_after_failure(call, failed, attempt, begun_s)
                    if wait_s is None:
                        raise failed.error from failed.__cause__
                    in_doubt = in_doubt or not failed.unsent
                else:
                    wait_s = self._wait_after_answer(call, answer, attempt, begun_s)
                    if wait_s is None:
                        return replace(answer, in_doubt=in_doubt)
                    in_doubt = in_doubt or problem_of(answer) is None
                log.debug("%s: attempt %d failed, again in %.2f s", call.method, attempt, wait_s)
                await self._pause(wait_s)
        raise AssertionError("a call ends with an answer or an error")

    async def lines(self, call: Call, prefix: str = "") -> AsyncGenerator[str, None]:
        """The lines of an answer that goes on, as they come; see `split_lines`.

        Raises:
            CommonholdError: what the service answered instead.
            Unavailable: the connection was lost, or nothing came for `SILENCE_S`.
            Closed: after `aclose`.
        """
        self.check_open()
        times = self._timeouts
        patience = httpx2.Timeout(times.connect_s, read=SILENCE_S, pool=times.pool_s)
        url = f"{self._address.base}{prefix}{call.target}"
        try:
            async with self._client.stream(
                call.method, url, headers=dict(call.headers), timeout=patience
            ) as response:
                if response.status_code != 200:
                    raise error_of(self._answer(response, await response.aread()))
                async for line in split_lines(response.aiter_bytes()):
                    yield line
        except httpx2.HTTPError as error:
            self.check_open()
            raise self._failed(error).error from error

    async def aclose(self) -> None:
        """Let calls in flight finish, then close every connection. Closing twice is harmless."""
        self._closed = True
        await self._idle.wait()
        await self._client.aclose()

    def _wait_after_failure(
        self, call: Call, failed: _Failed, attempt: int, begun_s: float
    ) -> float | None:
        if not failed.unsent and (failed.lasting or not call.idempotent):
            return None
        return self._retry.wait_s(attempt, spent_s=clock.monotonic() - begun_s)

    def _wait_after_answer(
        self, call: Call, answer: Answer, attempt: int, begun_s: float
    ) -> float | None:
        if not call.idempotent or answer.status not in self._retry.statuses:
            return None
        spent_s = clock.monotonic() - begun_s
        return self._retry.wait_s(attempt, retry_after_s(answer), spent_s=spent_s)

    async def _attempt(self, call: Call, prefix: str) -> Answer:
        headers = dict(call.headers)
        times = self._timeouts
        if call.body is not None:
            headers.setdefault("Content-Type", "application/json")
        try:
            response = await self._client.request(
                call.method,
                f"{self._address.base}{prefix}{call.target}",
                content=call.body,
                headers=headers,
                timeout=httpx2.Timeout(
                    connect=times.connect_s,
                    read=times.read_s + call.patience_s,
                    write=times.write_s,
                    pool=times.pool_s,
                ),
            )
        except httpx2.InvalidURL as error:
            raise InvalidRequest(f"The URL of the service cannot be used: {error}.") from None
        except httpx2.HTTPError as error:
            raise self._failed(error) from error
        return self._answer(response, response.content)

    def _answer(self, response: httpx2.Response, body: bytes) -> Answer:
        headers = {name.lower(): value for name, value in response.headers.items()}
        return Answer(response.status_code, headers, body, self._address.shown)

    def _failed(self, error: httpx2.HTTPError) -> _Failed:
        shown, timeouts = self._address.shown, self._timeouts
        if isinstance(error, httpx2.ConnectTimeout):
            reason = f"Cannot reach {shown}: no connection within {timeouts.connect_s:g} s."
        elif isinstance(error, httpx2.PoolTimeout):
            reason = f"All {_CONNECTIONS} connections to {shown} are in use."
        elif isinstance(error, httpx2.TimeoutException):
            reason = f"{shown} did not answer within {timeouts.read_s:g} s."
        elif isinstance(error, httpx2.ConnectError):
            reason = f"Cannot reach {shown}: {str(error) or 'the connection failed'}."
        else:
            why = str(error) or type(error).__name__
            reason = f"The connection to {shown} broke before it answered: {why}."
        # A timeout has taken long enough already: another attempt would take as long again.
        lasting = isinstance(error, httpx2.TimeoutException)
        return _Failed(Unavailable(reason), unsent=isinstance(error, _UNSENT), lasting=lasting)

    async def _pause(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        self.check_open()

    def check_open(self) -> None:
        """Let a call through.

        Raises:
            Closed: after `aclose`.
        """
        if self._closed:
            raise Closed

    @contextmanager
    def _in_flight(self) -> Iterator[None]:
        self.check_open()
        self._pending += 1
        self._idle.clear()
        try:
            yield
        finally:
            self._pending -= 1
            if not self._pending:
                self._idle.set()


@dataclass(frozen=True, slots=True)
class Line:
    """A transport used under one path: `/a/{agent}` names the author of what is written."""

    transport: Transport
    prefix: str = ""

    async def send(self, call: Call) -> Answer:
        """The answer to `call`; see `Transport.send`."""
        return await self.transport.send(self._for_user(call), self.prefix)

    def lines(self, call: Call) -> AsyncGenerator[str, None]:
        """The lines of an answer that goes on; see `Transport.lines`."""
        return self.transport.lines(self._for_user(call), self.prefix)

    def _for_user(self, call: Call) -> Call:
        """The call with the credential of the user for whom it is made, beside our own."""
        token = user_token()
        if token is None:
            return call
        shown = {**call.headers, "Authorization": bearer(token)}
        if self.transport.authorization is not None:
            shown["X-Agent-Authorization"] = self.transport.authorization
        return replace(call, headers=shown)


async def split_lines(chunks: AsyncIterator[bytes]) -> AsyncIterator[str]:
    """Lines that end in LF or CRLF; a last one without an end is none.

    `str.splitlines`, which HTTP libraries use, would also end one at U+2028, U+0085 and others
    that may stand as they are within a JSON string.
    """
    begun: list[bytes] = []
    async for chunk in chunks:
        first, *others = chunk.split(b"\n")
        begun.append(first)
        for other in others:
            yield b"".join(begun).removesuffix(b"\r").decode(errors="replace")
            begun = [other]


def _headers(address: Address) -> dict[str, str]:
    headers = {
        "Accept": "application/json",
        "Prefer": "return=representation",
        "User-Agent": f"commonhold/{__version__}",
    }
    if address.authorization is not None:
        headers["Authorization"] = address.authorization
    return headers
