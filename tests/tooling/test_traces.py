"""The benchmark of traces: its requests, what it says about a run, and what it installs."""

from __future__ import annotations

from random import Random

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from bench.environment import BENCH, Environment
from bench.traces import page, requests, show
from bench.traces.bare import Rows
from bench.traces.generator import Order, read_head
from bench.traces.results import BARE, Found, Visit
from bench.traces.subjects import MLFLOW, PHOENIX, SUBJECTS

EXPORTER = Environment(BENCH / "traces" / "exporter.txt", BENCH)


def _sent(seed: int, now_ns: int, number: int = 0) -> list:
    made = requests.template(number)
    body = bytearray(made.body)
    requests.fill(body, made.slots, requests.fresh(Random(seed), now_ns))
    request = ExportTraceServiceRequest.FromString(bytes(body))
    return list(request.resource_spans[0].scope_spans[0].spans)


def test_a_request_is_ten_traces_of_ten_spans_in_a_tree() -> None:
    """Every parent is in its trace, and only one span of a trace has none."""
    traces: dict[bytes, list] = {}
    for span in _sent(1, 10**18):
        traces.setdefault(span.trace_id, []).append(span)
    assert len(traces) == requests.TRACES
    for spans in traces.values():
        ids = {span.span_id for span in spans}
        assert len(ids) == requests.SPANS_PER_TRACE
        assert [span.parent_span_id in ids for span in spans].count(False) == 1
        assert len({_conversation(span) for span in spans}) == 1


def test_nothing_but_ids_and_times_tells_two_fillings_apart() -> None:
    """Else an id would have been written over something else."""
    one, other = _sent(1, 10**18), _sent(2, 2 * 10**18)
    assert not {span.span_id for span in one} & {span.span_id for span in other}
    assert not {span.trace_id for span in one} & {span.trace_id for span in other}
    for left, right in zip(one, other, strict=True):
        assert right.start_time_unix_nano - left.start_time_unix_nano == 10**18
        assert right.end_time_unix_nano - left.end_time_unix_nano == 10**18
        assert left.name == right.name
        for span in (left, right):
            span.ClearField("trace_id"), span.ClearField("span_id")
            span.ClearField("parent_span_id"), span.ClearField("start_time_unix_nano")
            span.ClearField("end_time_unix_nano")
            next(a for a in span.attributes if a.key == _CONVERSATION).value.Clear()
        assert left == right


def test_attributes_are_half_a_kilobyte_each() -> None:
    """As the promise about speed says."""
    sizes = [
        sum(attribute.ByteSize() for attribute in span.attributes)
        for number in range(requests.TEMPLATES)
        for span in _sent(1, 10**18, number)
    ]
    assert sum(sizes) / len(sizes) == pytest.approx(512, rel=0.15)


def test_the_ids_that_are_kept_are_those_that_are_sent() -> None:
    """They are what is asked for afterwards."""
    values = requests.fresh(Random(1), 10**18)
    kept = requests.trace_ids(values)
    sent = {span.trace_id for span in _sent(1, 10**18)}
    assert {kept[at : at + 16] for at in range(0, len(kept), 16)} == sent


def test_the_head_of_a_request_says_how_long_it_is() -> None:
    """And carries the headers that a subject wants."""
    order = Order(8080, "/v1/traces", {"x-one": "1"}, 1, 1.0, 0)
    lines = order.head(123).split(b"\r\n")
    assert lines[0] == b"POST /v1/traces HTTP/1.1"
    assert {b"x-one: 1", b"Content-Length: 123"} <= set(lines)
    assert lines[-2:] == [b"", b""]


def test_the_head_of_a_response_is_read() -> None:
    """Its status decides what counts, its Retry-After when to come again."""
    status, headers = read_head("http/1.1 503 busy\r\nretry-after: 1\r\ncontent-length:0\r\n\r\n")
    assert status == 503
    assert headers == {"retry-after": "1", "content-length": "0"}


def test_rows_of_the_bare_insert_are_new_and_hang_together() -> None:
    """A parent stays the parent of its children, and nothing else changes."""
    stored = Rows(
        ("trace_id", "span_id", "parent_span_id", "name"),
        (("aa" * 16, "bb" * 8, None, "root"), ("aa" * 16, "cc" * 8, "bb" * 8, "child")),
    )
    (root, child), (again, _) = stored.batches(2)
    assert root[0] == child[0] != again[0]
    assert root[1] == child[2] != again[1]
    assert (len(root[0]), len(root[1]), root[2]) == (32, 16, None)
    assert (root[3], child[3]) == ("root", "child")


def test_what_is_acknowledged_and_lost_is_not_readable() -> None:
    """And what becomes readable late counts over all that time."""
    visit = Visit("sqlite", "phoenix", spans=4000, seconds=1, readable=1000, readable_s=10)
    assert visit.acknowledged_rate == 4000
    assert visit.readable_rate == 100
    assert visit.unread == 0.75


def test_promises_come_from_medians_of_what_is_readable() -> None:
    """And of the two floors under the rate the lower one counts."""
    rates = [promise.found for promise in _found().promises()]
    assert rates == [9000, 9.0, 90.0]
    assert [promise.least for promise in _found().promises()] == [5000, 20, 100]
    assert [promise.is_kept for promise in _found().promises()] == [True, False, False]


def test_without_a_bare_insert_the_whole_rate_is_asked_for() -> None:
    """A machine that was not measured is no excuse."""
    only = Found([visit for visit in _found().visits if visit.who == "commonhold"], {})
    assert [promise.least for promise in only.promises()] == [20_000]


def test_the_page_shows_everybody_and_every_promise() -> None:
    """With a verdict on each."""
    text = page.text(_found())
    for subject in SUBJECTS:
        assert f"| SQLite | {subject.title} |" in text
    assert f"| SQLite | {show.TITLES[BARE]} |" in text
    assert text.count("| not kept |") == 2
    assert "| 75% |" in text


@pytest.mark.parametrize(
    "environment", [MLFLOW, PHOENIX, EXPORTER], ids=["mlflow", "phoenix", "sdk"]
)
def test_peers_are_pinned_by_name_and_version_alone(environment: Environment) -> None:
    """A URL or a range would install something else elsewhere, or tomorrow."""
    pinned = environment.pinned()
    assert {"mlflow", "arize-phoenix", "opentelemetry-exporter-otlp-proto-http"} & set(pinned)
    for name, version in pinned.items():
        assert version, name
        assert not set("@:/<>~ ") & set(name + version), name


def _found() -> Found:
    def visit(who: str, rate: float, readable: float) -> Visit:
        return Visit("sqlite", who, int(rate), 1.0, int(readable), 1.0)

    return Found(
        [
            *(visit("commonhold", rate, rate) for rate in (9000, 1, 10_000)),
            visit("mlflow", 1000, 1000),
            visit("phoenix", 400, 100),
            visit(BARE, 10_000, 10_000),
        ],
        {"mlflow": "3", "arize-phoenix": "20", "python": "3.11", "sqlite": "3.40"},
    )


_CONVERSATION = "gen_ai.conversation.id"


def _conversation(span: object) -> str:
    pairs = span.attributes  # type: ignore[attr-defined]
    return next(pair.value.string_value for pair in pairs if pair.key == _CONVERSATION)
