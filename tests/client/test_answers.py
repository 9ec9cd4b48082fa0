"""What is made of an answer: the very text of opaque parts, the very class of an error."""

from __future__ import annotations

import json

import msgspec
import pytest

from commonhold import (
    CommonholdError,
    Forbidden,
    Internal,
    InvalidRequest,
    MessageQuery,
    NotFound,
    PayloadTooLarge,
    Session,
    StaleVersion,
    Unauthenticated,
    Unavailable,
)
from commonhold.client import HttpBackend, Retry, answers, open_backend, problems
from commonhold.client.problems import Answer
from commonhold.errors import BY_CODE, FieldError
from commonhold.model import wire, wire_traces
from commonhold.model.opaque import JsonText
from commonhold.testing import factories
from tests.client.misbehaving import Reply, page, problem, serving

ONCE = Retry(attempts=1)
ODD = ' { "b" : 1.10,\n"a":"\\u00fc", "c":[1e2, -0.0, 123456789012345678901234567890] } '


def answer(body: object = b"", status: int = 200, **headers: str) -> Answer:
    """An answer as the transport hands it on."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status, named, raw, "http://service")


async def told(reply: Reply) -> CommonholdError:
    """The error that a call ends with when a real server answers this."""
    async with serving(reply) as server:
        backend: HttpBackend = open_backend(server.url, retry=ONCE)
        with pytest.raises(CommonholdError) as caught:
            await backend.sessions.find("s1")
        await backend.aclose()
    return caught.value


def test_opaque_parts_keep_their_spelling() -> None:
    """White space, escapes, order and numbers are what the service sent."""
    inner = ODD.strip()
    body = f'{{"session_id":"s1","messages":[{ODD},{ODD}]}}'.encode()
    history = answers.history(answer(body, etag='"7"'))
    assert (history.version, history.body) == (7, f"[{ODD},{ODD}]")
    assert answers.cost(answer(f'{{"cost_data":{ODD}}}'.encode())) == inner
    assert answers.state(answer(f'{{"state": {ODD}}}'.encode())) == inner


@pytest.mark.parametrize("tag", ['"12"', 'W/"12"', '"12-gzip"'])
def test_a_version_survives_what_proxies_do_to_tags(tag: str) -> None:
    """Compression on the way makes a tag weak, or adds a suffix."""
    assert answers.history(answer({"session_id": "s", "messages": []}, etag=tag)).version == 12


def test_every_value_comes_back_as_it_went_out() -> None:
    """What the shapes accept is what `model.wire` writes."""
    text = JsonText(ODD.strip())
    session = factories.session(metadata=text, title="Zürich 😀", user="u1")
    row = factories.stored_message(content=text, superseded_at=factories.NOON)
    span = factories.span(attributes=text, agent="weather", start_ns=1, end_ns=2**62)
    trace = factories.trace(spans=(span,))
    written = factories.written(superseded=3, kept=1)
    record = factories.feedback(latency_ms=0.25, agent="weather")

    assert answers.session(_sent(wire.session_out(session))) == session
    assert answers.messages(_sent([wire.message_out(row)])).items == (row,)
    assert answers.trace(_sent(wire_traces.trace_out(trace))) == trace
    assert answers.written(_sent(wire.written_out(written))) == written
    assert answers.feedback(_sent(wire.feedback_out(record))) == record
    assert answers.summaries(_sent([wire_traces.summary_out(factories.summary())])).items == (
        factories.summary(),
    )
    assert answers.stats(_sent([wire.stats_out(factories.stats())])) == (factories.stats(),)


def _sent(value: object) -> Answer:
    return answer(msgspec.json.encode(value))


def test_what_a_newer_service_adds_is_ignored() -> None:
    """An unknown field is no error."""
    body = {**json.loads(_sent(wire.session_out(factories.session())).body), "colour": "blue"}
    assert isinstance(answers.session(answer(body)), Session)


@pytest.mark.parametrize(
    ("link", "cursor"),
    [
        ("", None),
        ('</v1/sessions?limit=2&cursor=abc_-1>; rel="next"', "abc_-1"),
        ("<?cursor=a%3D>; rel=next", "a="),
        ('</x?cursor=1>; rel="prev", </x?cursor=2>; title="b"; rel="next"', "2"),
        ('</x?cursor=1>; rel="prev"', None),
    ],
)
def test_the_next_page_is_in_the_link(link: str, cursor: str | None) -> None:
    """And without a `rel="next"` the list ends here."""
    assert answers.sessions(answer([], link=link)).cursor == cursor


def test_a_log_goes_on_after_its_last_sequence() -> None:
    """Its link says `after`, and its cursor is that number."""
    link = '</v1/sessions/s/messages?after=42&limit=10>; rel="next"'
    assert answers.messages(answer([], link=link)).cursor == "42"


@pytest.mark.parametrize("kind", BY_CODE.values(), ids=BY_CODE)
async def test_an_error_of_the_service_is_the_error_of_a_local_store(
    kind: type[CommonholdError],
) -> None:
    """Every code of the tree, over a real connection."""
    if issubclass(kind, NotFound):
        async with serving(problem(404, "not_found")) as server:
            backend = open_backend(server.url, retry=ONCE)
            assert await backend.sessions.find("s1") is None
            await backend.aclose()
        return
    error = await told(problem(kind.status, kind.code, "What was wrong."))
    assert type(error) is kind
    assert error.detail.startswith("What was wrong.")


async def test_facts_of_an_error_cross_the_wire() -> None:
    """Fields, versions and waits are what a caller acts on."""
    field = {"loc": ["body", "messages", 3], "msg": "expected a JSON object"}
    invalid = await told(problem(422, "invalid_request", errors=[field]))
    stale = await told(problem(412, "stale_version", current_version=9))
    full = await told(problem(503, "storage_full", retry_after_seconds=7))
    assert invalid.errors == (FieldError(("body", "messages", 3), "expected a JSON object"),)
    assert isinstance(stale, StaleVersion)
    assert stale.current == 9
    assert isinstance(full, Unavailable)
    assert full.retry_after_s == 7


async def test_a_bug_of_the_service_names_its_request() -> None:
    """The id leads to the log line."""
    error = await told(problem(500, "internal", instance="req-4711"))
    assert isinstance(error, Internal)
    assert "req-4711" in error.detail


async def test_a_code_of_a_newer_service_is_read_by_its_status() -> None:
    """An unknown refusal is a refusal."""
    error = await told(problem(422, "quota_of_the_future", "Not that many."))
    assert type(error) is InvalidRequest
    assert error.detail == "Not that many."


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (200, Unavailable),
        (400, Unavailable),
        (401, Unauthenticated),
        (403, Forbidden),
        (404, Unavailable),
        (405, Unavailable),
        (413, PayloadTooLarge),
        (429, Unavailable),
        (500, Internal),
        (502, Unavailable),
        (504, Unavailable),
    ],
)
async def test_a_page_of_something_else_is_told_in_a_sentence(
    status: int, kind: type[CommonholdError]
) -> None:
    """Never an error about JSON, and never a session that "is not there"."""
    error = await told(page(status))
    assert type(error) is kind
    assert f"answered {status}, and not as a Commonhold service does" in error.detail
    assert "json" not in error.detail.lower()


async def test_a_gateway_that_finds_no_route_has_not_looked_for_the_session() -> None:
    """Its 404 is JSON too; only a problem document of the service means NotFound."""
    no_route = Reply(404, b'{"message":"no Route matched with those values"}')
    error = await told(no_route)
    assert type(error) is Unavailable
    assert "Check the URL" in error.detail


async def test_an_answer_of_another_version_is_told_in_a_sentence() -> None:
    """A success that cannot be read is nobody's session."""
    other = await told(Reply(200, b'{"session_id": 5}'))
    not_utf8 = await told(Reply(200, b'{"session_id":"\xff"}'))
    assert isinstance(other, Internal)
    assert "cannot read" in other.detail
    assert isinstance(not_utf8, CommonholdError)
    for body in (b"", b"[" * 100_000, b'{"session_id":"s","messages":[]}'):
        with pytest.raises(CommonholdError):
            answers.history(answer(body))


def test_a_time_no_clock_shows_is_an_unreadable_answer() -> None:
    """It is the service's mistake, not an invalid request of the caller."""
    body = json.loads(_sent(wire.session_out(factories.session())).body)
    with pytest.raises(Internal, match="cannot read"):
        answers.session(answer({**body, "created_at": "yesterday"}))


def test_retry_after_is_a_number_or_a_date() -> None:
    """A date in the past, and nonsense, ask for nothing."""
    assert problems.retry_after_s(answer(retry_after="120")) == 120.0
    assert problems.retry_after_s(answer(retry_after="Fri, 31 Dec 1999 23:59:59 GMT")) == 0.0
    later = problems.retry_after_s(answer(retry_after="Fri, 31 Dec 9999 23:59:59 GMT"))
    assert later is not None
    assert later > 1e9
    for nonsense in ("", "soon", "-1", "1e9", "9" * 40):
        assert problems.retry_after_s(answer(retry_after=nonsense)) is None


async def test_a_page_with_an_odd_redirect_is_told_all_the_same() -> None:
    """Whatever it points to."""
    for location in ("", "/login?next=s3cret", "http://[bad", "https://u:s3cret@h/x"):
        error = await told(page(302, location=location))
        assert isinstance(error, Unavailable)
        assert "s3cret" not in error.detail


async def test_messages_are_asked_for_as_the_query_says() -> None:
    """What is a default of the service is not sent."""
    async with serving(Reply(200, b"[]")) as server:
        backend = open_backend(server.url)
        await backend.sessions.messages("s1")
        await backend.sessions.messages(
            "s1", MessageQuery(after=7, limit=3, include_superseded=True)
        )
        await backend.aclose()
    assert [seen.target for seen in server.seen] == [
        "/v1/sessions/s1/messages?limit=50",
        "/v1/sessions/s1/messages?after=7&limit=3&include=superseded",
    ]
