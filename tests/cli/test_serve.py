"""`commonhold serve` as a process: how it starts, what it says, and how it ends."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import socket
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2
import pytest

from commonhold.cli.serve import first_line
from tests import processes
from tests.cli.commands import SCRIPT
from tests.conftest import no_postgres
from tests.postgres import PostgresMissing, PostgresServer
from tests.processes import PATIENCE_S, Process

MESSAGES = [{"role": "user", "content": "Hello"}]


def served(folder: Path, *flags: str, **environ: str) -> Process:
    """A service with a file of its own, not started yet, that logs everything."""
    return Process(
        lambda port: [SCRIPT, "serve", "--port", str(port), *flags],
        folder,
        name="commonhold",
        environ={"COMMONHOLD_DATABASE": f"sqlite:///{folder}/x.db", **environ},
    )


def lines(process: Process) -> list[dict]:
    """Its log, every line of which is a JSON object."""
    return [json.loads(line) for line in process.log.splitlines()]


def until(process: Process, told: str) -> None:
    """Return when the log says so."""
    deadline = time.monotonic() + PATIENCE_S
    while told not in process.log:
        assert time.monotonic() < deadline, process.log
        time.sleep(0.05)


def put(url: str, session: str = "s1") -> httpx2.Response:
    """Save a session."""
    return httpx2.put(f"{url}/v1/sessions/{session}", json={"messages": MESSAGES}, timeout=30)


def test_a_request_in_flight_is_finished_before_the_end(tmp_path: Path) -> None:
    """Half a request, the signal, the other half: it is answered, and what it wrote is there."""
    process = served(tmp_path).start()
    body = json.dumps({"messages": MESSAGES}).encode()
    head = (
        f"PUT /v1/sessions/late HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    address = ("127.0.0.1", process.port)
    with socket.create_connection(address) as connection, ThreadPoolExecutor(1) as pool:
        connection.sendall(head.encode() + body[:10])
        put(process.url)  # another answered request: the half one has surely arrived
        stopped = pool.submit(process.stop)
        until(process, "Shutting down")
        connection.sendall(body[10:])
        answer = connection.recv(65536).decode()
        status = stopped.result(PATIENCE_S)

    assert answer.startswith("HTTP/1.1 200")
    assert status == 0
    with served(tmp_path) as again:
        kept = httpx2.get(f"{again.url}/v1/sessions/late").json()
    assert kept["messages"] == MESSAGES


def test_headers_without_end_are_refused_before_they_fill_the_memory(tmp_path: Path) -> None:
    """By whoever can connect: a head that goes on, and what follows a body; a long head is none."""
    endless = b"x-a: " + b"a" * 400_000
    get = b"GET /healthz HTTP/1.1\r\nhost: 127.0.0.1\r\n"
    chunked = b"PUT /v1/sessions/s1 HTTP/1.1\r\nhost: 127.0.0.1\r\ntransfer-encoding: chunked\r\n"
    long = get + b"x-a: " + b"a" * 30_000
    with served(tmp_path) as process:

        def sent(*pieces: bytes) -> bytes:
            with socket.create_connection(("127.0.0.1", process.port)) as connection:
                connection.settimeout(PATIENCE_S)
                for piece in pieces:
                    connection.sendall(piece)
                    time.sleep(0.02)  # so that each is read by itself
                return connection.recv(65536)

        first, _, rest = sent(get, endless).partition(b"\r\n")
        assert first == b"HTTP/1.1 431 Request Header Fields Too Large"
        assert json.loads(rest.partition(b"\r\n\r\n")[2])["code"] == "headers_too_large"
        assert sent(b"GET /" + b"a" * 400_000).startswith(b"HTTP/1.1 431")
        assert sent(chunked + b"\r\n", b"2\r\n{}\r\n0\r\n", endless) == b""
        assert sent(long, b"\r\n\r\n").startswith(b"HTTP/1.1 200")
        put(process.url).raise_for_status()


def test_the_database_is_closed_clean(tmp_path: Path) -> None:
    """SQLite's log is folded into the file, and nobody is left to hold it."""
    process = served(tmp_path).start()
    put(process.url)
    during = {path.name for path in tmp_path.glob("x.db*")}
    status = process.stop()

    assert status == 0
    assert "x.db-wal" in during
    assert {path.name for path in tmp_path.glob("x.db*")} == {"x.db"}
    assert [line["msg"] for line in lines(process)][-1] == "Stopped."
    assert "The database is closed." in process.log


def test_every_log_line_is_json_and_says_nothing_of_what_was_said(tmp_path: Path) -> None:
    """The line of a request leads to it by its id; bodies and credentials are nowhere."""
    trace = "0af7651916cd43dd8448eb211c80319c"
    headers = {
        "X-Request-ID": "find-me",
        "Authorization": "Bearer hunter2",
        "traceparent": f"00-{trace}-b7ad6b7169203331-01",
    }
    body = {"messages": [{"role": "user", "content": "a secret word"}]}
    with served(tmp_path) as process:
        httpx2.put(f"{process.url}/a/tester/v1/sessions/s1", json=body, headers=headers)
        until(process, "find-me")

    said = [line for line in lines(process) if line.get("request_id") == "find-me"]
    assert len(said) == 1
    assert said[0]["status"] == 200
    assert said[0]["trace_id"] == trace
    assert said[0]["agent"] == "tester"
    assert said[0]["duration_ms"] > 0
    assert all({"ts", "level", "logger", "msg"} <= line.keys() for line in lines(process))
    assert "hunter2" not in process.log
    assert "secret word" not in process.log
    assert "s1" not in said[0]["route"]


def test_a_free_port_can_be_asked_for(tmp_path: Path) -> None:
    """The first line says which it became."""
    process = served(tmp_path, "--port", "0")
    process.launch()
    until(process, "Listening on")
    url = re.search(r"Listening on (http://\S+?)\"", process.log)
    assert url is not None
    until(process, "Application startup complete")

    assert httpx2.get(f"{url[1]}/healthz").status_code == 200
    process.stop()


def test_several_workers_are_one_service(tmp_path: Path) -> None:
    """They get the flags, share the port, and `/metrics` of any of them counts for all."""
    flags = ("--workers", "2", "--database", f"sqlite:///{tmp_path}/flag.db")
    with served(tmp_path, *flags) as process:
        for number in range(20):
            with httpx2.Client() as client:  # a new connection may meet another worker
                assert client.get(f"{process.url}/v1/sessions/none{number}").status_code == 404
        metrics = httpx2.get(f"{process.url}/metrics").text
        assert put(process.url).status_code == 200
        status = process.stop()

    counted = re.search(
        r'http_requests_total\{.*sessions/\{session_id\}",status="404"\} (\S+)', metrics
    )
    assert counted is not None
    assert float(counted[1]) == 20
    assert status == 0
    assert (tmp_path / "flag.db").exists()
    assert not (tmp_path / "x.db").exists()


def test_an_open_door_is_complained_about(tmp_path: Path) -> None:
    """At once, and then every minute."""
    with served(tmp_path, "--host", "0.0.0.0", "--insecure") as process:
        until(process, "COMMONHOLD_INSECURE is on")

    warned = [line for line in lines(process) if "COMMONHOLD_INSECURE" in line["msg"]]
    assert {line["level"] for line in warned} == {"warning"}


def test_a_service_for_this_machine_has_nothing_to_complain_about(tmp_path: Path) -> None:
    """A warning that is always there is read by nobody."""
    with served(tmp_path) as process:
        put(process.url)

    assert {line["level"] for line in lines(process)} == {"info"}


def test_a_schema_that_is_behind_is_left_alone_when_asked(tmp_path: Path) -> None:
    """The service says what to run, and is ready as soon as somebody has."""
    environ = {"COMMONHOLD_DATABASE": f"sqlite:///{tmp_path}/x.db"}
    with served(tmp_path, "--no-auto-upgrade") as process:
        before = httpx2.get(f"{process.url}/readyz")
        refused = put(process.url)
        subprocess.run(
            [SCRIPT, "db", "upgrade"],
            env={**os.environ, **environ},
            check=True,
            capture_output=True,
        )
        after = httpx2.get(f"{process.url}/readyz")
        accepted = put(process.url)

    assert (before.status_code, refused.status_code) == (503, 503)
    assert "commonhold db upgrade" in before.json()["detail"]
    assert (after.status_code, accepted.status_code) == (200, 200)


@pytest.fixture
def late_server() -> Iterator[PostgresServer]:
    """A Postgres that can be started, and is not."""
    try:
        server = PostgresServer(durable=True)
        server.start()
    except PostgresMissing as reason:
        no_postgres(reason)
    server.stop()
    yield server
    server.close()


def test_it_waits_for_a_database_that_is_not_there(
    late_server: PostgresServer, tmp_path: Path
) -> None:
    """Alive, not ready and honest about why; ready by itself once the database is."""
    dsn = late_server.dsn().replace("postgres@", "postgres:hunter2@")
    with served(tmp_path, COMMONHOLD_DATABASE=dsn) as process:
        alive = httpx2.get(f"{process.url}/healthz")
        waiting = httpx2.get(f"{process.url}/readyz")
        refused = put(process.url)
        page = httpx2.get(process.url)
        late_server.start()
        deadline = time.monotonic() + PATIENCE_S
        while httpx2.get(f"{process.url}/readyz", timeout=30).status_code != 200:
            assert time.monotonic() < deadline, process.log
            time.sleep(0.2)
        accepted = put(process.url)
        process.stop()

    assert alive.status_code == 200
    assert waiting.status_code == refused.status_code == 503
    assert "cannot be reached" in waiting.json()["detail"]
    assert int(refused.headers["retry-after"]) >= 1
    assert page.status_code == 200
    assert "Not ready" in page.text
    assert accepted.status_code == 200
    assert "hunter2" not in process.log


def test_a_person_at_a_terminal_gets_a_line_to_copy(tmp_path: Path) -> None:
    """The banner names the address, and its first line works as it stands."""
    port = processes.free_port()
    near, far = pty.openpty()
    serving = subprocess.Popen(
        [SCRIPT, "serve", "--port", str(port)],
        cwd=tmp_path,
        stdin=far,
        stdout=far,
        stderr=far,
        close_fds=True,
    )
    os.close(far)
    try:
        shown = read_until(near, "The database is open")
    finally:
        sent = subprocess.run(
            ["bash", "-c", first_line(f"http://127.0.0.1:{port}")], capture_output=True, check=False
        )
        serving.terminate()
        status = serving.wait(PATIENCE_S)
        os.close(near)

    assert f"http://127.0.0.1:{port}" in shown
    assert "curl -X PUT" in shown
    assert json.loads(sent.stdout) == {"session_id": "first", "saved": True}
    assert status == 0


def read_until(terminal: int, told: str) -> str:
    """What appears on a terminal up to a word."""
    shown = ""
    deadline = time.monotonic() + PATIENCE_S
    while told not in shown:
        assert time.monotonic() < deadline, shown
        if select.select([terminal], [], [], 1)[0]:
            shown += os.read(terminal, 65536).decode()
    return shown
