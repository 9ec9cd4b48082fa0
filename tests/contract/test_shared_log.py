"""Many writers at one log, in every order, with crashes: nothing acknowledged is ever missing."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule, run_state_machine_as_test

from commonhold.contract.stores import Backend
from commonhold.model.once import Once
from commonhold.model.scope import Author
from commonhold.testing.conformance import StoppedClock
from tests.contract import reference
from tests.contract.machine import NAMES, Machine
from tests.contract.reference import Log, what_of

WRITERS = st.integers(0, len(NAMES) - 1)
SESSIONS = st.sampled_from(["s1", "s1", "s1", "s2", "fork"])
CLAIMS = st.sampled_from(["none", "none", "mine", "mine", "old", "wrong"])
MATCHES = st.sampled_from([None, None, None, "right", "stale"])
KINDS = st.sampled_from(["id", "id", "key", "unnamed"])
FEW = st.integers(0, 3)

PHASES = (Phase.generate,)
"""No shrinking: when a process dies depends on its threads, so a failure may not come again."""


class SharedLog(Machine):
    """Each rule is one call of one writer."""

    @initialize(writer=WRITERS)
    def begin(self, writer: int) -> None:
        """Somebody says something."""
        self.send(writer, "s1", [self.new()], None, None)

    @rule(after_s=st.sampled_from([0, 0.0003, 0.001, 0.001, 0.002, 0.003]))
    def crash_in_the_next_call(self, after_s: float) -> None:
        """The process of whoever calls next dies in the middle of it."""
        self.crash_at = after_s

    @rule(seconds=st.sampled_from([1.0, 5.0, 60.0]))
    def pass_time(self, seconds: float) -> None:
        """Turns expire."""
        self.clock.advance(seconds)
        for session, log in self.logs.items():
            if log is not None and log.until <= self.clock.at + 1000:
                self.clock.advance(0.01)
                self.logs[session] = self.look(session)

    @rule(writer=WRITERS, name=SESSIONS)
    def read(self, writer: int, name: str) -> None:
        """A writer looks, and remembers what it saw from then on."""
        session = self.session(name)
        if self.logs.get(session) is None:
            return
        history = self.runner.run(self.backend(writer).sessions.history(session))
        log = self.logs[session]
        texts = [json.dumps(each) for each in history.messages]
        assert log is not None
        assert (tuple(map(what_of, texts)), history.version) == (log.live, log.version)
        self.views[writer, session] = (texts, history.version)

    @rule(writer=WRITERS, name=SESSIONS, kind=KINDS, count=FEW, claim=CLAIMS, match=MATCHES)
    def append(
        self, writer: int, name: str, kind: str, count: int, claim: str, match: str | None
    ) -> None:
        """New messages at the end."""
        session, log = self.session(name), self.logs.get(self.session(name))
        new = [self.new(kind) for _ in range(max(1, count))]
        key = f"k{self.turns[writer]}" if kind == "key" else None
        if key is not None:
            self.turns[writer] += 1
            once = Once.of(key, Author(agent=NAMES[writer]), "append", session)
            new = [(once.message_id(at), text) for at, (_, text) in enumerate(new)]
        version = None if match is None else (log.version if log else 0) + (match == "stale")
        answer = self.send(writer, session, new, key, self.claim(writer, session, claim), version)
        if kind != "unnamed":
            self.last[writer] = (session, new, key, answer)

    def send(
        self,
        writer: int,
        session: str,
        new: list[tuple[str, str]],
        key: str | None,
        token: int | None,
        version: int | None = None,
    ) -> Any:
        """Append, with everything that may refuse it."""
        log = self.logs.get(session)
        texts = [text for _, text in new]

        def check(before: Log | None, after: Log | None) -> None:
            assert after is not None
            at = len(before.rows) if before else 0
            given = [row.message_id for row in after.rows[at:]]
            named = [(name or given[n], text) for n, (name, text) in enumerate(new)]
            assert after == reference.appended(before, NAMES[writer], named)

        refused = self.refusal(log, token, version)
        if log is not None and all(name in log.ids for name, _ in new):
            refused = None
        return self.do(
            writer,
            session,
            lambda b: b.sessions.append(session, texts, key=key, lease=token, if_match=version),
            refused,
            check,
        )

    @rule(writer=WRITERS)
    def retry(self, writer: int) -> None:
        """The last append of a writer once more, whether it heard of its success or not."""
        if writer not in self.last:
            return
        session, new, key, first = self.last[writer]
        again = self.send(writer, session, new, key, None)
        if first is not None and again is not None:
            assert again == first, "a retry gets the first answer"
        self.last[writer] = (session, new, key, first or again)

    @rule(
        writer=WRITERS,
        name=SESSIONS,
        count=FEW,
        skip=st.sampled_from([0, 0, 0, 1, 2, 5]),
        mode=st.sampled_from(["merge", "merge", "merge", "replace"]),
        claim=CLAIMS,
        match=MATCHES,
    )
    def put(
        self,
        writer: int,
        name: str,
        count: int,
        skip: int,
        mode: Any,
        claim: str,
        match: str | None,
    ) -> None:
        """What the writer saw last, perhaps compacted, and something new."""
        session = self.session(name)
        log = self.logs.get(session)
        seen, version = self.views.get((writer, session), ([], 0))
        texts = [*([self.new()[1]] if skip else []), *seen[skip:]]
        texts += [self.new("unnamed" if n else "id")[1] for n in range(count)]
        version = {"right": log.version if log else 0, "stale": version + 1}.get(match or "", 0)
        token = self.claim(writer, session, claim)
        if_match = None if match is None else version

        def check(before: Log | None, after: Log | None) -> None:
            assert after is not None
            start = before or Log(holder=NAMES[writer])
            exactly = mode == "replace" or if_match is not None
            sent = [what_of(text) for text in texts]
            reference.check_put(start, after, NAMES[writer], sent, exactly=exactly)

        answer = self.do(
            writer,
            session,
            lambda b: b.sessions.put(session, texts, mode=mode, if_match=if_match, lease=token),
            self.refusal(log, token, if_match),
            check,
        )
        if answer is not None:
            now = self.logs[session]
            assert now is not None
            assert (answer.version, answer.message_count) == (now.version, len(now.live))
            if tuple(map(what_of, texts)) == now.live:
                self.views[writer, session] = (texts, now.version)

    @rule(writer=WRITERS, name=SESSIONS, claim=CLAIMS, fixed=st.booleans())
    def call_a_tool_and_repair(self, writer: int, name: str, claim: str, fixed: bool) -> None:
        """A call without a result, closed by whoever comes."""
        session = self.session(name)
        token = self.claim(writer, session, claim)
        if not fixed:
            call = {"id": f"c{self.said}", "type": "function", "function": {"name": "f"}}
            new = [self.new(role="assistant", tool_calls=[call])]
            self.send(writer, session, new, None, token)
            return

        def check(before: Log | None, after: Log | None) -> None:
            assert before is not None
            assert after is not None
            results = [row.what for row in after.rows[len(before.rows) :]]
            reference.check_kept(before, after, NAMES[writer], results)
            assert all("tool_call_id" in json.loads(what) for what in results)
            assert reference.is_within(before.live, after.live)

        log = self.logs.get(session)
        refused = "NotFound" if log is None else self.refusal(log, token)
        call_it = lambda b: b.sessions.repair(session, lease=token)  # noqa: E731
        if self.do(writer, session, call_it, refused, check) is not None:
            found = self.runner.run(self.backend(writer).sessions.get(session))
            assert found.open_tool_calls == ()

    @rule(writer=WRITERS, name=SESSIONS, to=st.integers(0, 12), claim=CLAIMS)
    def revert(self, writer: int, name: str, to: int, claim: str) -> None:
        """Back to an earlier point."""
        session = self.session(name)
        log, token = self.logs.get(session), self.claim(writer, session, claim)
        refused = "NotFound" if log is None else self.refusal(log, token)
        if log is not None and to > len(log.live):
            refused = refused or "OutOfRange"

        def check(before: Log | None, after: Log | None) -> None:
            assert before is not None
            assert after is not None
            reference.check_revert(before, after, NAMES[writer], to)

        self.do(
            writer,
            session,
            lambda b: b.sessions.revert(session, to=to, lease=token),
            refused,
            check,
        )

    @rule(writer=WRITERS, name=SESSIONS, at=FEW)
    def fork(self, writer: int, name: str, at: int) -> None:
        """Another session out of this one, which does not change."""
        session, log = self.session(name), self.logs.get(self.session(name))
        refused = "NotFound" if log is None else "OutOfRange" if at > len(log.live) else None

        def check(before: Log | None, after: Log | None) -> None:
            assert after == before

        made = self.do(writer, session, lambda b: b.sessions.fork(session, at=at), refused, check)
        if made is not None:
            copy = self.logs[made.session_id] = self.look(made.session_id)
            assert copy is not None
            assert log is not None
            assert copy.live == log.live[:at]
            self.forks.append(made.session_id)

    @rule(writer=WRITERS, name=SESSIONS, ttl_s=st.sampled_from([0.1, 4.0, 30.0]))
    def take_the_turn(self, writer: int, name: str, ttl_s: float) -> None:
        """A lease, when nobody has it."""
        session, log = self.session(name), self.logs.get(self.session(name))
        refused = None if log is None else self.refusal(log, None)

        def check(before: Log | None, after: Log | None) -> None:
            assert after is not None
            start = before or Log(holder=NAMES[writer])
            assert after.token > start.token
            assert after.until == self.clock.at + round(ttl_s * 1e6)
            assert (after.rows, after.live) == (start.rows, start.live)

        lease = self.do(
            writer, session, lambda b: b.sessions.lease(session, ttl_s=ttl_s), refused, check
        )
        if lease is not None:
            now = self.logs[session]
            assert now is not None
            assert lease.token == now.token
            self.tokens[writer, session] = lease.token

    @rule(writer=WRITERS, name=SESSIONS, claim=CLAIMS, renew=st.booleans())
    def renew_or_release(self, writer: int, name: str, claim: str, renew: bool) -> None:
        """Longer, or over."""
        session, log = self.session(name), self.logs.get(self.session(name))
        token = self.claim(writer, session, claim) or 0
        missing = "LeaseEnded" if renew else "NotFound"
        refused = missing if log is None else log.refusal(token, self.clock.at + 1000)

        def check(before: Log | None, after: Log | None) -> None:
            assert before is not None
            assert after is not None
            assert (after.rows, after.live, after.token) == (before.rows, before.live, before.token)
            assert after.until == (self.clock.at + 9_000_000 if renew else 0)

        async def act(backend: Backend) -> object:
            if renew:
                return await backend.sessions.lease(session, ttl_s=9, token=token)
            await backend.sessions.release(session, token=token)
            return None

        self.do(writer, session, act, refused, check)

    @rule(writer=WRITERS, name=SESSIONS, to=WRITERS, claim=CLAIMS)
    def hand_off(self, writer: int, name: str, to: int, claim: str) -> None:
        """To another agent; the turn ends with it."""
        session, log = self.session(name), self.logs.get(self.session(name))
        token = self.claim(writer, session, claim)
        refused = "NotFound" if log is None else self.refusal(log, token)

        def check(before: Log | None, after: Log | None) -> None:
            assert before is not None
            assert after is not None
            assert (after.rows, after.live) == (before.rows, before.live)
            assert (after.holder, after.until) == (NAMES[to], 0)
            assert after.token == before.token + 1

        self.do(
            writer,
            session,
            lambda b: b.sessions.handoff(session, NAMES[to], lease=token),
            refused,
            check,
        )


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    """One event loop for all examples of a test."""
    with asyncio.Runner() as one:
        yield one


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_no_acknowledged_message_is_ever_missing(
    kind: str,
    request: pytest.FixtureRequest,
    runner: asyncio.Runner,
    clock: StoppedClock,
    tmp_path: Path,
) -> None:
    """Four writers in two processes that crash, on one database; every example is a tenant."""
    url = f"sqlite:///{tmp_path}/shared.db"
    if kind == "postgres":
        url = request.getfixturevalue("postgres_url")
    thorough = settings().max_examples > 100

    class Shared(SharedLog):
        def __init__(self) -> None:
            super().__init__(runner, clock, url)

    run_state_machine_as_test(
        Shared,
        settings=settings(
            phases=PHASES,
            max_examples=1000 if thorough else 60,
            stateful_step_count=60 if thorough else 45,
            suppress_health_check=list(HealthCheck),
        ),
    )
