"""Exporters as their users have them, against the service: all of them, and each at its worst."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest

from tests import processes
from tests.exporters.environments import Emitter
from tests.exporters.running import Running
from tests.processes import PATIENCE_S, Process

Emitters = Mapping[str, Emitter]

SECOND = 10**9
START = 1_767_225_600 * SECOND
EVERYTHING = {
    "text": {"stringValue": "naïve \U0001f600"},
    "whole": {"intValue": "9007199254740991"},
    "negative": {"intValue": "-7"},
    "real": {"doubleValue": 0.5},
    "yes": {"boolValue": True},
    "texts": {"arrayValue": {"values": [{"stringValue": "a"}, {"stringValue": "b"}]}},
    "wholes": {"arrayValue": {"values": [{"intValue": "1"}, {"intValue": "2"}]}},
    "reals": {"arrayValue": {"values": [{"doubleValue": 0.5}, {"doubleValue": 1.5}]}},
    "flags": {"arrayValue": {"values": [{"boolValue": True}, {"boolValue": False}]}},
    "empty": {"stringValue": ""},
}
"""A value of each type of attributes, as OTLP JSON spells it."""

STEADY = 250
"""Spans that a program emits in some seconds."""

ROOM = 6
"""Requests that a service works on at once when there shall be too many."""


@contextmanager
def all_running(
    emitters: Emitters, mode: str, url: str, folder: Path, **more: Any
) -> Iterator[list[Running]]:
    """A program for each exporter, side by side."""
    with ExitStack() as stack:
        yield [
            stack.enter_context(Running(emitter, mode, url, folder, **more))
            for emitter in emitters.values()
        ]


def get(url: str, path: str, **query: str) -> Any:
    """An answer of the service; where others take all the room, it comes again as it is told."""
    deadline = time.monotonic() + PATIENCE_S
    answer = httpx2.get(url + path, params=query, timeout=PATIENCE_S)
    while answer.status_code == 503 and time.monotonic() < deadline:
        time.sleep(float(answer.headers["retry-after"]))
        answer = httpx2.get(url + path, params=query, timeout=PATIENCE_S)
    assert answer.status_code == 200, answer.text
    return answer.json()


def named(pairs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Attributes by their name."""
    return {pair["key"]: pair["value"] for pair in pairs}


# Whole spans.


def test_every_exporter_delivers_whole_spans(
    emitters: Emitters, service: Process, tmp_path: Path
) -> None:
    """Attributes of every type, an event, a link, a status and the resource, once it has a 200."""
    with all_running(emitters, "whole", service.url, tmp_path) as programs:
        for program in programs:
            program.until_acknowledged(2)
            check_whole(service.url, program)
            program.end()


def check_whole(url: str, program: Running) -> None:
    """Both of its spans are in one trace of the session it named, as they were emitted."""
    [summary] = get(url, "/v1/traces", session_id=program.name)
    assert {trace for trace, _ in program.acknowledged} == {summary["trace_id"]}
    told = get(url, f"/v1/traces/{summary['trace_id']}", format="otlp")
    [group] = told["resourceSpans"]
    [scoped] = group["scopeSpans"]
    resource = named(group["resource"]["attributes"])
    assert resource["service.name"] == {"stringValue": program.name}
    assert (scoped["scope"]["name"], scoped["scope"]["version"]) == ("tests", "1.0")
    spans = {span["name"]: span for span in scoped["spans"]}
    check_root(spans["run"])
    check_chat(spans["chat"], spans["run"]["spanId"], program.name)


def check_root(span: Mapping[str, Any]) -> None:
    """The outer one: a server that succeeded."""
    assert not span.get("parentSpanId")
    assert (span["kind"], span["status"]["code"]) == (2, 1)
    assert (span["startTimeUnixNano"], span["endTimeUnixNano"]) == (
        str(START),
        str(START + 3 * SECOND),
    )


def check_chat(span: Mapping[str, Any], parent: str, session: str) -> None:
    """The inner one, which has everything."""
    assert (span["kind"], span["parentSpanId"]) == (3, parent)
    assert span["status"] == {"code": 2, "message": "refused"}
    assert named(span["attributes"]) == {**EVERYTHING, "session.id": {"stringValue": session}}
    [event] = span["events"]
    assert (event["name"], event["timeUnixNano"]) == ("token", str(START + SECOND + 1))
    assert named(event["attributes"]) == {"index": {"intValue": "0"}, "text": {"stringValue": "Hi"}}
    [link] = span["links"]
    assert (link["traceId"], link["spanId"]) == ("ab" * 16, "cd" * 8)
    assert named(link["attributes"]) == {"why": {"stringValue": "continued"}}


# One trace of ten processes.


def test_ten_processes_contribute_to_one_trace(
    emitters: Emitters, service: Process, tmp_path: Path
) -> None:
    """Five spans each, below a span of their caller's: all fifty are there, in one tree."""
    trace_id, caller = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
    environ = {"TRACEPARENT": f"00-{trace_id}-{caller}-01"}
    with ExitStack() as stack:
        programs = [
            stack.enter_context(
                Running(
                    emitter,
                    "part",
                    service.url,
                    tmp_path,
                    name=f"{emitter.name}-{number}",
                    count=5,
                    environ=environ,
                )
            )
            for number in range(2)
            for emitter in emitters.values()
        ]
        sent = [ids for program in programs for ids in program.end().acknowledged]
    found = get(service.url, f"/v1/traces/{trace_id}")["spans"]
    [summary] = get(service.url, "/v1/traces")

    assert len(programs) == 10
    assert {trace for trace, _ in sent} == {trace_id}
    assert sorted(span["span_id"] for span in found) == sorted(span for _, span in sent)
    assert len(found) == summary["span_count"] == 50
    roots = [span["span_id"] for span in found if span["parent_span_id"] == caller]
    assert len(roots) == 10
    assert all(span["parent_span_id"] in (caller, *roots) for span in found)


# The service dies, or has too much to do.


def test_a_killed_service_loses_nothing_it_acknowledged(
    emitters: Emitters, service: Process, tmp_path: Path
) -> None:
    """SIGKILL while all of them export; they try again, and nothing is lost or counted twice."""
    with all_running(emitters, "steadily", service.url, tmp_path, count=STEADY) as programs:
        for program in programs:
            program.until_acknowledged(20)
        service.kill9()
        before = [program.acknowledged for program in programs]
        service.start()
        for program, known in zip(programs, before, strict=True):
            check_readable(service.url, known)
            check_all_delivered(service.url, program.end())
        assert any(len(known) < STEADY for known in before), "it was killed too late"


def test_exporters_recover_from_overload_without_loss(
    emitters: Emitters, database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Everything is refused for a while, with 503 and a time; later everything is there."""
    monkeypatch.setenv("COMMONHOLD_MAX_INFLIGHT_REQUESTS", str(ROOM))
    with (
        processes.service(database, tmp_path) as service,
        all_running(emitters, "steadily", service.url, tmp_path, count=STEADY) as programs,
    ):
        for program in programs:
            program.until_acknowledged(20)
        with no_room(service):
            until_refused(service.url, 2 * len(programs))
        for program in programs:
            check_all_delivered(service.url, program.end())


def check_readable(url: str, acknowledged: Sequence[tuple[str, str]]) -> None:
    """Every one of these spans can be read."""
    for trace_id in {trace for trace, _ in acknowledged}:
        found = {span["span_id"] for span in get(url, f"/v1/traces/{trace_id}")["spans"]}
        missing = {span for trace, span in acknowledged if trace == trace_id} - found
        assert not missing, f"{len(missing)} acknowledged spans are gone"


def check_all_delivered(url: str, program: Running) -> None:
    """A program that has ended was rid of every span, each is there once, and was counted once."""
    assert not program.given_up
    sent = program.acknowledged
    assert len(sent) == len(set(sent)) == STEADY
    [summary] = get(url, "/v1/traces", session_id=program.name)
    found = get(url, f"/v1/traces/{summary['trace_id']}")["spans"]
    assert sorted((summary["trace_id"], span["span_id"]) for span in found) == sorted(sent)
    calls = STEADY - 1
    counted = [summary[name] for name in ("span_count", "llm_calls", "prompt_tokens")]
    assert counted == [STEADY, calls, calls]


@contextmanager
def no_room(service: Process) -> Iterator[None]:
    """Requests whose bodies never end take all the room there is."""
    where = urlsplit(service.url)
    head = (
        f"POST /v1/feedback HTTP/1.1\r\nHost: {where.netloc}\r\n"
        "Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"
    )
    with ExitStack() as stack:
        for _ in range(ROOM):
            address = (where.hostname, where.port)
            stack.enter_context(socket.create_connection(address)).sendall(head.encode())
        yield


def until_refused(url: str, times: int) -> None:
    """Return when so many requests for spans were refused, as the service counts them."""
    wanted = 'route="/v1/traces",status="503"'
    deadline = time.monotonic() + PATIENCE_S
    while True:
        told = httpx2.get(f"{url}/metrics", timeout=PATIENCE_S).text.splitlines()
        counted = [float(line.split()[-1]) for line in told if wanted in line]
        if sum(counted) >= times:
            return
        assert time.monotonic() < deadline, "nothing was refused"
        time.sleep(0.05)
